//! What does a report tell that a mail does not? The whole record of a ticket, as data for templates.
//!
//! Pages are bounded, and say how much they leave out; the JSON form holds everything. It must never leave
//! out anything else that an event says.

use super::answers::{self, AnswerView, DecisionView, FileView, Looked, MailView};
use super::nights::{self, NightRecord};
use super::reasoning::{self, CriterionView};
use super::view::Material;
use crate::pure::playbook::StageName;
use crate::pure::ticket::Run;
use crate::pure::words::{clean_value, count};
use serde::Serialize;
use serde_json::{Value, json};

/// Nights listed one by one: a school year, and some.
const NIGHTS_MAX: usize = 400;

/// Runs of other stages that are listed.
const OTHERS_MAX: usize = 200;

/// Rows of every other table.
const ROWS_MAX: usize = 500;

/// What report templates know besides the ticket, under the name `record`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordView {
    /// Why it is clean, or not, in sentences.
    pub reasoning: Vec<String>,
    pub criteria: Vec<CriterionView>,
    /// Every occurrence and run of `verify`.
    pub nights: Table<NightRecord>,
    /// Of the other stages: what found something, could not see, or did not run.
    pub others: Table<NightRecord>,
    /// `118 locate runs passed`: they stand in the JSON form alone.
    pub passed_others: String,
    pub answers: Table<AnswerView>,
    pub decisions: Table<DecisionView>,
    pub mails: Table<MailView>,
    pub files: Table<FileView>,
    /// Whether one of them is not what was recorded.
    pub has_faulty_files: bool,
}

/// The newest rows of something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table<T> {
    pub rows: Vec<T>,
    /// How many are not shown, in words; empty when none.
    pub unlisted: String,
}

impl<T: Serialize> Table<T> {
    /// The newest of all rows, `rows_max` at most.
    fn newest(mut rows: Vec<T>, rows_max: usize, noun: &str) -> Table<T> {
        let hidden = rows.len().saturating_sub(rows_max);
        if hidden == 0 {
            return Table::of(rows);
        }
        let unlisted = format!("{} not shown here; report.json has all", count(hidden as u64, noun));
        Table { rows: rows.split_off(hidden), unlisted }
    }

    fn of(rows: Vec<T>) -> Table<T> {
        Table { rows, unlisted: String::new() }
    }

    /// As templates know it: `nights`, `has_nights` and `unlisted_nights`.
    fn put_into(&self, record: &mut Value, name: &str) {
        let rows = serde_json::to_value(&self.rows);
        record[name] = rows.expect("a row is made of strings, booleans and lists");
        record[format!("has_{name}")] = Value::from(!self.rows.is_empty());
        record[format!("unlisted_{name}")] = Value::from(self.unlisted.as_str());
    }
}

impl RecordView {
    /// The record of a ticket; `looked` is what was found of its files.
    pub fn of(material: &Material, looked: &Looked) -> RecordView {
        let quiet = material.runs.iter().filter(|run| !is_verify(run) && is_quiet(run)).count();
        let files = answers::files(material, looked);
        RecordView {
            reasoning: reasoning::sentences(material),
            criteria: reasoning::criteria(material),
            nights: Table::newest(nights::rows(material, is_verify, false), NIGHTS_MAX, "earlier night"),
            others: Table::newest(nights::rows(material, is_telling, true), OTHERS_MAX, "earlier row"),
            passed_others: passed(quiet),
            answers: Table::newest(answers::answers(material), ROWS_MAX, "earlier answer"),
            decisions: Table::newest(answers::decisions(material), ROWS_MAX, "earlier decision"),
            mails: Table::newest(answers::mails(material), ROWS_MAX, "earlier mail"),
            has_faulty_files: files.iter().any(|file| file.is_faulty),
            files: Table::newest(files, ROWS_MAX, "earlier file"),
        }
    }

    /// As templates get it: every string without control signs and of bounded length.
    pub fn to_value(&self) -> Value {
        let RecordView {
            reasoning,
            criteria,
            nights,
            others,
            passed_others,
            answers,
            decisions,
            mails,
            files,
            has_faulty_files,
        } = self;
        let mut record = json!({
            "reasoning": reasoning, "criteria": criteria, "passed_others": passed_others,
            "has_faulty_files": has_faulty_files,
        });
        nights.put_into(&mut record, "nights");
        others.put_into(&mut record, "others");
        answers.put_into(&mut record, "answers");
        decisions.put_into(&mut record, "decisions");
        mails.put_into(&mut record, "mails");
        files.put_into(&mut record, "files");
        clean_value(record)
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
            nights: Table::of(vec![night.clone()]),
            others: Table::of(vec![night]),
            answers: Table::of(vec![AnswerView::default()]),
            decisions: Table::of(vec![DecisionView::default()]),
            mails: Table::of(vec![MailView::default()]),
            files: Table::of(vec![FileView::default()]),
            ..RecordView::default()
        }
    }
}

fn is_verify(run: &Run) -> bool {
    run.stage == StageName::Verify
}

/// Whether a run of another stage is listed.
fn is_telling(run: &Run) -> bool {
    !is_verify(run) && !is_quiet(run)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_cut_at_its_limit_and_says_so() {
        let shown = |rows: usize| {
            let mut record = json!({});
            Table::newest((1..=rows).collect(), 3, "earlier night").put_into(&mut record, "nights");
            record
        };
        let told = "1 earlier night not shown here; report.json has all";
        for (rows, shown_rows, has_nights, unlisted_nights) in
            [(0, vec![], false, ""), (3, vec![1, 2, 3], true, ""), (4, vec![2, 3, 4], true, told)]
        {
            let wanted = json!({
                "nights": shown_rows, "has_nights": has_nights, "unlisted_nights": unlisted_nights,
            });
            assert_eq!(shown(rows), wanted, "{rows} rows");
        }
        assert_eq!(
            (passed(0), passed(2)),
            (String::new(), "2 runs passed and are not listed one by one".into())
        );
    }
}
