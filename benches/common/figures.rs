//! How are figures told? One table: the work, ours, what it is held against, the ratio, and whether the goal
//! is met. Goals that are missed are told and fail nothing: machines differ.

use comfy_table::{Table, presets};

/// The table so far.
pub struct Figures(Table);

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Figures {
    pub fn new() -> Figures {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["work", "ours", "beside", "ratio", "goal", ""]);
        Figures(table)
    }

    /// A figure without a goal.
    pub fn tell(&mut self, work: &str, ours: &str) {
        self.0.add_row([work, ours, "", "", "", ""]);
    }

    /// A figure beside another one, with what the ratio of the two should be.
    pub fn hold(&mut self, work: &str, ours: &str, beside: &str, ratio: f64, goal: Goal) {
        let (wanted, is_met) = match goal {
            Goal::AtLeast(min) => (format!("at least {min:.2}"), ratio >= min),
            Goal::AtMost(max) => (format!("at most {max:.2}"), ratio <= max),
        };
        let met = if is_met { "met" } else { "goal missed" };
        self.0.add_row([work, ours, beside, &format!("{ratio:.2}"), &wanted, met]);
    }

    pub fn print(&self) {
        println!("{}", self.0);
    }
}
