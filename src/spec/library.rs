//! Specs by their name: those that come with gatewatch, and the documents of a folder.
//!
//! The folder is read whenever somebody asks, so that a changed file serves the next goal at once; a goal that runs has
//! its own text and is not touched. A file that is wrong keeps its last good text, as long as somebody has it in mind.
//! The one part of this room that reads files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::problem::{Place, Problem};
use crate::contracts::engine::spec::SpecPin;
use crate::spec::EngineSpec as _;
use crate::spec::document::Source;
use crate::spec::rules::Rules;
use crate::spec::shipped;

/// More files are no folder of specs.
const MOST: usize = 1_000;

/// A spec that was read, compiled, and found without mistakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    pub pin: SpecPin,
    pub description: String,
    /// Names of its rules.
    pub rules: Vec<String>,
    pub text: String,
    /// Its file; none of those that come with gatewatch.
    pub file: Option<PathBuf>,
}

impl Spec {
    /// Reads and compiles a text; `place` is what errors call it.
    pub fn read(place: &Path, text: &str) -> Result<Self, Problem> {
        let source = Source::read(place, text)?;
        let rules = Rules::compile(&source)?;
        Ok(Self {
            pin: rules.pin().clone(),
            description: source.document.description.clone(),
            rules: source.document.rules.iter().map(|rule| rule.name.clone()).collect(),
            text: text.to_owned(),
            file: None,
        })
    }
}

/// A file of the folder.
#[derive(Clone, Debug)]
struct Known {
    text: Result<String, String>,
    good: Option<Spec>,
    trouble: Option<Problem>,
}

/// All there is.
#[derive(Clone, Debug, Default)]
pub struct Library {
    folder: PathBuf,
    shipped: Vec<Spec>,
    files: BTreeMap<PathBuf, Known>,
    /// Why the folder itself cannot be read.
    trouble: Option<Problem>,
}

impl Library {
    /// Reads all of it. The folder need not be there.
    pub fn open(folder: &Path) -> Self {
        let mut library = Self { folder: folder.to_owned(), ..Self::shipped() };
        library.refresh();
        library
    }

    /// Those that come with gatewatch, and no folder.
    pub fn shipped() -> Self {
        let shipped = shipped::SHIPPED.iter();
        let shipped = shipped.filter_map(|(name, text)| Spec::read(Path::new(&format!("{name}.toml")), text).ok());
        Self { shipped: shipped.collect(), ..Self::default() }
    }

    /// Reads what has changed.
    pub fn refresh(&mut self) {
        let files = match files(&self.folder) {
            Ok(files) => files,
            Err(problem) => {
                self.trouble = Some(problem);
                return;
            }
        };
        self.trouble = None;
        self.files.retain(|file, _| files.contains(file));
        for file in files {
            let text = std::fs::read_to_string(&file).map_err(|error| error.to_string());
            // What was wrong may be right by now though it is the same text: another file had its name.
            if self.files.get(&file).is_some_and(|known| known.text == text && known.trouble.is_none()) {
                continue;
            }
            let before = self.files.remove(&file).and_then(|known| known.good);
            let read = match &text {
                Ok(text) => self.read(&file, text),
                Err(why) => Err(unreadable(&file, why)),
            };
            let (good, trouble) = match read {
                Ok(spec) => (Some(spec), None),
                Err(problem) => (before, Some(problem)),
            };
            self.files.insert(file, Known { text, good, trouble });
        }
    }

    /// Those that come with gatewatch, then those of the folder.
    pub fn specs(&self) -> impl Iterator<Item = &Spec> {
        self.shipped.iter().chain(self.files.values().filter_map(|known| known.good.as_ref()))
    }

    pub fn find(&self, name: &str) -> Option<&Spec> {
        self.specs().find(|spec| spec.pin.name.as_str() == name)
    }

    /// What is wrong, with file, line and field.
    pub fn troubles(&self) -> impl Iterator<Item = &Problem> {
        self.trouble.iter().chain(self.files.values().filter_map(|known| known.trouble.as_ref()))
    }

    /// Why the file of this spec, or the one that is called so, serves an older text or none.
    pub fn trouble_of(&self, name: &str) -> Option<&Problem> {
        let is_called = |file: &Path| file.file_stem().is_some_and(|stem| stem.to_str() == Some(name));
        let is_of = |known: &Known| known.good.as_ref().is_some_and(|spec| spec.pin.name.as_str() == name);
        let mut files = self.files.iter().filter(|(file, known)| is_of(known) || is_called(file));
        files.find_map(|(_, known)| known.trouble.as_ref())
    }

    fn read(&self, file: &Path, text: &str) -> Result<Spec, Problem> {
        let spec = Spec::read(file, text)?;
        let taken = self.find(spec.pin.name.as_str()).map(|other| match &other.file {
            Some(other) => format!("{} has the same name.", other.display()),
            None => "A spec of this name comes with gatewatch.".to_owned(),
        });
        match taken {
            Some(why) => Err(Source::read(file, text)?.problem("name", why, "Give it another name.")),
            None => Ok(Spec { file: Some(file.to_owned()), ..spec }),
        }
    }
}

/// Its TOML files, in their order; none when there is no folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, &error.to_string())),
    };
    let files = entries.filter_map(Result::ok).map(|entry| entry.path());
    let is_spec = |file: &PathBuf| file.extension().is_some_and(|ending| ending == "toml");
    let mut files: Vec<PathBuf> = files.filter(is_spec).take(MOST).collect();
    files.sort();
    Ok(files)
}

fn unreadable(path: &Path, why: &str) -> Problem {
    let place = Place::File { path: path.to_owned(), line: None };
    Problem::new(place, "", format!("It cannot be read: {why}."), "Correct its permissions, or take it away.")
}
