//! What does a report tell that a mail does not? The whole record of a ticket, as data for templates.
//!
//! Pages are bounded, and say how much they leave out; the JSON form holds everything. It must never leave
//! out anything else that an event says.

use super::answers::{self, AnswerView, DecisionView, FileView, Looked, MailView};
use super::nights::{self, NightRecord};
use super::reasoning::{self, CriterionView};
use super::view::Material;
use super::words::{clean_value, count};
use crate::pure::playbook::StageName;
use crate::pure::ticket::Run;
use serde::Serialize;
use serde_json::Value;

/// Nights listed one by one: a school year, and some.
const NIGHTS_MAX: usize = 400;

/// Runs of other stages that are listed.
const OTHERS_MAX: usize = 200;

/// Rows of every other table.
const ROWS_MAX: usize = 500;

/// What report templates know besides the ticket, under the name `record`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecordView {
    /// Why it is clean, or not, in sentences.
    pub reasoning: Vec<String>,
    pub criteria: Vec<CriterionView>,
    /// Every occurrence and run of `verify`.
    pub nights: Vec<NightRecord>,
    pub has_nights: bool,
    /// How many are not shown, in words; empty when none. Likewise the next.
    pub unlisted_nights: String,
    /// Of the other stages: what found something, could not see, or did not run.
    pub others: Vec<NightRecord>,
    pub has_others: bool,
    pub unlisted_others: String,
    /// `118 locate runs passed`: they stand in the JSON form alone.
    pub passed_others: String,
    pub answers: Vec<AnswerView>,
    pub has_answers: bool,
    pub unlisted_answers: String,
    pub decisions: Vec<DecisionView>,
    pub has_decisions: bool,
    pub unlisted_decisions: String,
    pub mails: Vec<MailView>,
    pub has_mails: bool,
    pub unlisted_mails: String,
    pub files: Vec<FileView>,
    pub has_files: bool,
    pub unlisted_files: String,
    /// Whether one of them is not what was recorded.
    pub has_faulty_files: bool,
}

impl RecordView {
    /// The record of a ticket; `looked` is what was found of its files.
    pub fn of(material: &Material, looked: &Looked) -> RecordView {
        let is_verify = |run: &Run| run.stage == StageName::Verify;
        let all_nights = nights::rows(material, is_verify, false);
        let all_others = nights::rows(material, |run| run.stage != StageName::Verify && !is_quiet(run), true);
        let quiet =
            material.runs.iter().filter(|run| run.stage != StageName::Verify && is_quiet(run)).count();
        let (nights, unlisted_nights) = newest(all_nights, NIGHTS_MAX, "earlier night");
        let (others, unlisted_others) = newest(all_others, OTHERS_MAX, "earlier row");
        let (answers, unlisted_answers) = newest(answers::answers(material), ROWS_MAX, "earlier answer");
        let (decisions, unlisted_decisions) =
            newest(answers::decisions(material), ROWS_MAX, "earlier decision");
        let (mails, unlisted_mails) = newest(answers::mails(material), ROWS_MAX, "earlier mail");
        let all_files = answers::files(material, looked);
        let has_faulty_files = all_files.iter().any(|file| file.is_faulty);
        let (files, unlisted_files) = newest(all_files, ROWS_MAX, "earlier file");
        RecordView {
            reasoning: reasoning::sentences(material),
            criteria: reasoning::criteria(material),
            has_nights: !nights.is_empty(),
            has_others: !others.is_empty(),
            has_answers: !answers.is_empty(),
            has_decisions: !decisions.is_empty(),
            has_mails: !mails.is_empty(),
            has_files: !files.is_empty(),
            passed_others: passed(quiet),
            nights,
            unlisted_nights,
            others,
            unlisted_others,
            answers,
            unlisted_answers,
            decisions,
            unlisted_decisions,
            mails,
            unlisted_mails,
            files,
            unlisted_files,
            has_faulty_files,
        }
    }

    /// As templates get it: every string without control signs and of bounded length.
    pub fn to_value(&self) -> Value {
        clean_value(serde_json::to_value(self).expect("a record is made of strings, booleans and lists"))
    }

    /// For trying out templates: every list with one entry; with every list empty it is the default.
    pub fn sample() -> RecordView {
        let night = NightRecord {
            watched: vec![String::new()],
            reasons: vec![String::new()],
            ..NightRecord::default()
        };
        RecordView {
            reasoning: vec![String::new()],
            criteria: vec![CriterionView::default()],
            nights: vec![night.clone()],
            others: vec![night],
            answers: vec![AnswerView::default()],
            decisions: vec![DecisionView::default()],
            mails: vec![MailView::default()],
            files: vec![FileView::default()],
            ..RecordView::default()
        }
    }
}

/// Whether a run of another stage than `verify` says nothing that a person wants to read one by one.
fn is_quiet(run: &Run) -> bool {
    run.end.as_ref().is_some_and(|end| end.verdict == Some(crate::pure::verdict::Verdict::Pass))
}

fn passed(number: usize) -> String {
    match number {
        0 => String::new(),
        1 => "1 run passed and is not listed one by one".to_string(),
        more => format!("{} passed and are not listed one by one", count(more as u64, "run")),
    }
}

/// The newest rows, and how many are left out, in words.
fn newest<T>(mut rows: Vec<T>, rows_max: usize, noun: &str) -> (Vec<T>, String) {
    let hidden = rows.len().saturating_sub(rows_max);
    if hidden == 0 {
        return (rows, String::new());
    }
    let told = format!("{} not shown here; report.json has all", count(hidden as u64, noun));
    (rows.split_off(hidden), told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_cut_at_its_limit_and_says_so() {
        let rows = |number: usize| newest((1..=number).collect(), 3, "earlier night");
        assert_eq!(rows(3), (vec![1, 2, 3], String::new()));
        let told = "1 earlier night not shown here; report.json has all".to_string();
        assert_eq!(rows(4), (vec![2, 3, 4], told));
        assert_eq!(
            (passed(0), passed(2)),
            (String::new(), "2 runs passed and are not listed one by one".into())
        );
    }
}
