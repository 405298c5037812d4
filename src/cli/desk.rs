//! What does every command about tickets need? The files people wrote, the engine, and who is
//! sitting here.

use super::{Fault, print};
use crate::edge::capture::hub::Hub;
use crate::edge::capture::lint::lint;
use crate::edge::capture::lists::Lists;
use crate::edge::capture::session::Absent;
use crate::edge::capture::stop::Stop;
use crate::edge::clock;
use crate::edge::files;
use crate::edge::mailer::Mailer;
use crate::edge::perform::{Captures, Edges, Listings, Post};
use crate::edge::resolver::Resolver;
use crate::edge::store::{Durability, Store};
use crate::edge::template::Templates;
use crate::engine::{Engine, EngineError};
use crate::pure::moment;
use crate::pure::playbook::Library;
use crate::pure::problem::Problem;
use crate::pure::site::MailSettings;
use crate::pure::ticket::person;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};

/// The files people wrote, read and without faults, and the engine on their state.
pub struct Desk {
    pub engine: Engine,
    /// The directory of the site file.
    home: PathBuf,
}

impl Desk {
    /// Reads the files and the log.
    ///
    /// # Errors
    ///
    /// Faults in the files, shown already; a log that cannot be read.
    pub fn open(site_file: Option<&Path>) -> Result<Desk, Fault> {
        let library = library(site_file)?;
        let home = library.site_file.path.parent().unwrap_or(Path::new("")).to_owned();
        let store = Store::open(&library.site_file.state, Durability::Full).map_err(EngineError::from)?;
        Ok(Desk { engine: Engine::open(store, library)?, home })
    }

    /// The state directory.
    pub fn state(&self) -> &Path {
        &self.engine.library().site_file.state
    }

    /// The templates, those beside the site file in the place of the shipped ones.
    pub fn templates(&self) -> Result<Templates, Fault> {
        templates(&self.home)
    }

    /// The edges as the site file names them.
    pub fn edges(&self, stop: Stop, absent: Absent) -> Result<Edges, Fault> {
        Ok(Edges {
            captures: Captures::Sources(Hub::default(), Lists::default(), absent),
            post: post(self.engine.library().site_file.mail.as_ref())?,
            templates: self.templates()?,
            state: self.state().to_owned(),
            stop,
            listings: self.listings(),
        })
    }

    fn listings(&self) -> Listings {
        let settings = self.engine.library().site_file.listing.clone();
        settings.map_or(Listings::Closed, |settings| {
            Listings::Resolver(Resolver::new(settings, self.state(), clock::now))
        })
    }

    /// A time as a person typed it; local times are those of the site.
    pub fn time(&self, text: &str, site: &str) -> Result<Timestamp, Fault> {
        let sites = &self.engine.library().site_file.sites;
        let zone = sites.get(site).map_or(TimeZone::UTC, |site| site.timezone.clone());
        moment::read(text, &zone).map_err(Fault::Usage)
    }
}

/// The files people wrote; their faults and warnings are shown.
pub fn library(site_file: Option<&Path>) -> Result<Library, Fault> {
    let path = files::find_site_file(site_file).map_err(|problem| show(&[*problem]))?;
    let (library, warnings) = files::load(&path, &lint).map_err(|problems| show(&problems))?;
    tracing::debug!("{} read, {} remarks (allclear check shows them)", path.display(), warnings.len());
    Ok(library)
}

/// The templates of the directory `home`, or the shipped ones.
pub fn templates(home: &Path) -> Result<Templates, Fault> {
    let own = home.join("templates");
    Templates::load(own.is_dir().then_some(own.as_path())).map_err(|problems| show(&problems))
}

/// Where the site file's mail goes.
pub fn post(mail: Option<&MailSettings>) -> Result<Post, Fault> {
    match mail {
        Some(settings) => {
            let mailer = Mailer::open(settings).map_err(|error| Fault::Failed(error.to_string()))?;
            Ok(Post::Mailer(mailer))
        }
        None => Ok(Post::Closed),
    }
}

/// Shows faults of people's files.
pub fn show(problems: &[Problem]) -> Fault {
    problems.iter().for_each(|problem| print::note(&problem.to_string()));
    Fault::Shown
}

/// Who acts: the name given, else the login name.
///
/// # Errors
///
/// A name that cannot go on record.
pub fn who(given: Option<&str>) -> Result<String, Fault> {
    let login = || ["SUDO_USER", "LOGNAME", "USER"].iter().find_map(|name| std::env::var(name).ok());
    let name = given.map(str::to_owned).or_else(|| login().filter(|name| !name.is_empty()));
    person(&name.unwrap_or("somebody".to_owned())).map_err(|why| Fault::Usage(why.to_string()))
}
