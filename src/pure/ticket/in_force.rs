//! By which schedules was it planned? Those of a playbook at a site, as they were read, kept in the log.
//!
//! People change their files while the program is down. What was planned until the new ones were read was
//! planned by the old ones, and nobody else remembers them.

use super::{Context, Event, Ticket, occurrences};
use crate::pure::playbook::{Playbook, Stage, StageName};
use crate::pure::schedule::Schedule;
use crate::pure::site::Site;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The schedules of a playbook at a site. They are of no ticket: such events have the ticket number 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedules {
    pub site: String,
    pub playbook: String,
    /// The IANA name of the site's zone.
    pub zone: String,
    pub stages: BTreeMap<StageName, Rhythm>,
}

/// When a stage fires, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rhythm {
    /// As [`Schedule`] is written and read.
    pub schedule: String,
    pub jitter_s: u64,
    pub length_s: u64,
}

/// Schedules with the instant since which they are in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    pub schedules: Schedules,
    /// The beginning of time for the first ones on record.
    pub since: Timestamp,
}

impl Schedules {
    /// Those that stand in the files now.
    pub fn of(playbook: &Playbook, site: &Site) -> Schedules {
        let stages = playbook.stages().map(|(name, stage)| (name, Rhythm::of(stage)));
        Schedules {
            site: site.name.clone(),
            playbook: playbook.name.clone(),
            zone: site.timezone_name.clone(),
            stages: stages.collect(),
        }
    }

    /// What of them nobody can read any more, and what that means; `None` where all can be read. A zone may have left
    /// the database of the system, and another version may write schedules otherwise.
    pub fn unreadable(&self) -> Option<String> {
        let zone = TimeZone::get(&self.zone).is_err().then(|| format!("the zone '{}'", self.zone));
        let stages = self.stages.iter().filter(|(_, rhythm)| Schedule::read(&rhythm.schedule).is_none());
        let stages = stages.map(|(name, rhythm)| format!("the schedule '{}' of {name}", rhythm.schedule));
        let unknown: Vec<String> = zone.into_iter().chain(stages).collect();
        let Schedules { site, playbook, .. } = self;
        (!unknown.is_empty()).then(|| {
            format!(
                "by what playbook {playbook} was planned at {site} until now cannot be read ({}): what was missed \
                 meanwhile is told as the files plan it now; look through `allclear occurrences`",
                unknown.join(", ")
            )
        })
    }

    /// Playbook and site as they were with these schedules; what is [`Schedules::unreadable`] stays as the files have
    /// it.
    pub fn applied(&self, playbook: &Playbook, site: &Site) -> (Playbook, Site) {
        let (mut playbook, mut site) = (playbook.clone(), site.clone());
        if let Ok(zone) = TimeZone::get(&self.zone) {
            site.timezone = zone;
        }
        for (name, rhythm) in &self.stages {
            let stage = match name {
                // One that is gone needs nothing but its schedule.
                StageName::Detect => Some(playbook.detect.get_or_insert_with(|| playbook.locate.clone())),
                StageName::Locate => Some(&mut playbook.locate),
                StageName::Verify => Some(&mut playbook.verify),
            };
            if let (Some(stage), Some(schedule)) = (stage, Schedule::read(&rhythm.schedule)) {
                stage.schedule = schedule;
                stage.jitter = Duration::from_secs(rhythm.jitter_s);
                stage.capture.length = Duration::from_secs(rhythm.length_s);
            }
        }
        (playbook, site)
    }

    /// Whether these are the schedules of the files.
    pub fn are_of(&self, playbook: &Playbook, site: &Site) -> bool {
        *self == Schedules::of(playbook, site)
    }
}

impl InForce {
    /// The events of everything that these schedules planned for the ticket up to now; others follow.
    pub fn settle(&self, ticket: &Ticket, context: &Context<'_>) -> Vec<Event> {
        self.within(context, |context| occurrences::settle_schedule(ticket, context))
    }

    /// The same of what must be on record before `event`: another process may have read other files.
    pub fn settle_before(&self, ticket: &Ticket, context: &Context<'_>, event: &Event) -> Vec<Event> {
        self.within(context, |context| occurrences::settle(ticket, context, event))
    }

    /// Decides as long as these schedules are in force.
    pub fn within<T>(&self, context: &Context<'_>, decide: impl FnOnce(&Context<'_>) -> T) -> T {
        let (playbook, site) = self.schedules.applied(context.playbook, context.site);
        decide(&Context { playbook: &playbook, site: &site, since: self.since, ..*context })
    }
}

impl Rhythm {
    fn of(stage: &Stage) -> Rhythm {
        Rhythm {
            schedule: stage.schedule.to_string(),
            jitter_s: stage.jitter.as_secs(),
            length_s: stage.capture.length.as_secs(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_that_nobody_can_read_any_more_are_told() {
        let told = |zone: &str, schedule: &str| {
            let rhythm = Rhythm { schedule: schedule.to_owned(), jitter_s: 0, length_s: 3600 };
            let schedules = Schedules {
                site: "springfield".to_owned(),
                playbook: "conficker".to_owned(),
                zone: zone.to_owned(),
                stages: BTreeMap::from([(StageName::Verify, rhythm)]),
            };
            schedules.unreadable()
        };
        assert_eq!(told("America/Chicago", "cron 30 8 * * 1-5"), None);
        for (zone, schedule, unknown) in [
            ("Mars/Olympus", "every 900s", "(the zone 'Mars/Olympus')"),
            ("UTC", "each full moon", "(the schedule 'each full moon' of verify)"),
        ] {
            let told = told(zone, schedule).expect(unknown);
            assert!(told.contains(unknown) && told.contains("`allclear occurrences`"), "{told}");
        }
    }
}
