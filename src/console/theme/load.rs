//! Reads a theme and all it inherits from into a [`Sheet`], and a sheet into a [`Theme`]. Nothing is passed over in
//! silence: an unknown key, a bad colour and a missing role are errors that name file, line and key.

use std::collections::BTreeMap;

use ratatui::style::{Modifier, Style};

use crate::console::assets::{AssetError, Document, Entry, Shelf, Value};
use crate::console::theme::Theme;
use crate::console::theme::colour::{Ansi, Colour, Rgb};
use crate::console::theme::depth::Depth;
use crate::console::theme::role::Role;
use crate::contracts::text::suggestion;

/// The theme used where there are no colours, whatever theme was asked for.
pub const MONO: &str = "mono";

/// A theme as its files say it, before it is cut down to a terminal.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    pub name: String,
    /// Backgrounds of terminals the theme is made for.
    pub assumes: Vec<Rgb>,
    looks: [Look; Role::COUNT],
}

/// What a theme says of one role.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    pub fg: Option<Colour>,
    pub bg: Option<Colour>,
    pub weight: Modifier,
}

/// What the files have said so far: later ones override earlier ones key by key.
#[derive(Default)]
struct Draft {
    palette: BTreeMap<String, Colour>,
    assumes: Vec<Rgb>,
    looks: BTreeMap<&'static str, Look>,
}

/// Loads a theme for a terminal. Without colours that is [`MONO`], which tells everything by weight.
pub fn theme(shelf: &Shelf, name: &str, depth: Depth) -> Result<Theme, AssetError> {
    Ok(sheet(shelf, if depth == Depth::Mono { MONO } else { name })?.at(depth))
}

/// Reads a theme's files.
pub fn sheet(shelf: &Shelf, name: &str) -> Result<Sheet, AssetError> {
    let chain = shelf.chain(name)?;
    let mut draft = Draft::default();
    // Every palette first, so that a child's palette recolours what it inherits.
    for document in &chain {
        draft.top(document)?;
    }
    for document in &chain {
        draft.roles(document)?;
    }
    draft.finish(name, &chain)
}

impl Sheet {
    pub fn look(&self, role: Role) -> Look {
        self.looks.get(role as usize).copied().unwrap_or_default()
    }

    /// Cuts the theme down to what a terminal can show.
    pub fn at(&self, depth: Depth) -> Theme {
        let style = |look: Look| {
            // A tint lies below text of every colour. No pair of the sixteen does that readably: reversed does.
            let tint = depth == Depth::Ansi16 && look.fg.is_none() && look.bg.is_some();
            let weight = if tint { look.weight | Modifier::REVERSED } else { look.weight };
            Style {
                fg: look.fg.and_then(|colour| colour.at(depth)),
                bg: look.bg.filter(|_| !tint).and_then(|colour| colour.at(depth)),
                add_modifier: weight,
                ..Style::default()
            }
        };
        Theme { name: self.name.clone(), styles: self.looks.map(style) }
    }
}

impl Draft {
    fn top(&mut self, document: &Document) -> Result<(), AssetError> {
        for entry in &document.entries {
            match entry.key.as_str() {
                "inherits" | "roles" => {}
                "assumes" => self.assumes = assumes(document, entry)?,
                "palette" => {
                    for colour in document.section("palette")? {
                        let value = palette_colour(document, colour)?;
                        self.palette.insert(colour.key.clone(), value);
                    }
                }
                other => {
                    let known = ["inherits", "assumes", "palette", "roles"];
                    let hint = suggestion(other, known.into_iter()).unwrap_or_default();
                    return Err(document.error_at(entry, format!("a theme has no such key. {hint}")));
                }
            }
        }
        Ok(())
    }

    fn roles(&mut self, document: &Document) -> Result<(), AssetError> {
        for entry in document.section("roles")? {
            let Some(role) = Role::parse(&entry.key) else {
                return Err(document.error_at(entry, unknown_role(entry)));
            };
            let look = self.look(document, entry)?;
            self.looks.insert(role.name(), look);
        }
        Ok(())
    }

    fn look(&self, document: &Document, entry: &Entry) -> Result<Look, AssetError> {
        let mut look = Look::default();
        let fields = match &entry.value {
            Value::Text(name) => return Ok(Look { fg: Some(self.colour(document, entry, name)?), ..look }),
            Value::Table(fields) => fields,
            Value::Flag(_) | Value::List(_) | Value::Other(_) => {
                let message = format!("is {}, but should be a colour or {{ fg, bg, bold, … }}", entry.value.word());
                return Err(document.error_at(entry, message));
            }
        };
        for field in fields {
            match (field.key.as_str(), &field.value) {
                ("fg", Value::Text(name)) => look.fg = Some(self.colour(document, field, name)?),
                ("bg", Value::Text(name)) => look.bg = Some(self.colour(document, field, name)?),
                (word, Value::Flag(on)) if weight(word).is_some() => {
                    look.weight.set(weight(word).unwrap_or_default(), *on);
                }
                (word, value) => {
                    let message = format!(
                        "`{word}` is {}. A role takes colours `fg` and `bg`, and `bold`, `dim`, `underline`, `reverse` as true or false.",
                        value.word()
                    );
                    return Err(document.error_at(entry, message));
                }
            }
        }
        Ok(look)
    }

    fn colour(&self, document: &Document, entry: &Entry, name: &str) -> Result<Colour, AssetError> {
        self.palette.get(name).copied().or_else(|| plain_colour(name)).ok_or_else(|| {
            let hint = suggestion(name, self.palette.keys().map(String::as_str)).unwrap_or_else(|| {
                "A colour is `#rrggbb`, `default`, one of the sixteen such as `bright-red`, or a name in [palette]."
                    .to_owned()
            });
            document.error_at(entry, format!("no colour `{name}`. {hint}"))
        })
    }

    fn finish(self, name: &str, chain: &[Document]) -> Result<Sheet, AssetError> {
        let missing = Role::ALL.into_iter().find(|role| !self.looks.contains_key(role.name()));
        if let (Some(role), Some(document)) = (missing, chain.last()) {
            let message = format!("lacks the role `{}`. Add it, or inherit from a theme that has it.", role.name());
            return Err(document.error("roles", message));
        }
        let looks = Role::ALL.map(|role| self.looks.get(role.name()).copied().unwrap_or_default());
        Ok(Sheet { name: name.to_owned(), assumes: self.assumes, looks })
    }
}

fn weight(word: &str) -> Option<Modifier> {
    match word {
        "bold" => Some(Modifier::BOLD),
        "dim" => Some(Modifier::DIM),
        "underline" => Some(Modifier::UNDERLINED),
        "reverse" => Some(Modifier::REVERSED),
        _ => None,
    }
}

fn unknown_role(entry: &Entry) -> String {
    if let Value::Table(fields) = &entry.value
        && let Some(inner) = fields.iter().find(|field| Role::parse(&format!("{}.{}", entry.key, field.key)).is_some())
    {
        return format!("a role with a dot is written in quotes: \"{}.{}\"", entry.key, inner.key);
    }
    let hint = suggestion(&entry.key, Role::ALL.into_iter().map(Role::name)).unwrap_or_default();
    format!("no such role. {hint}")
}

fn assumes(document: &Document, entry: &Entry) -> Result<Vec<Rgb>, AssetError> {
    let colours = match &entry.value {
        Value::List(words) => words.iter().map(|word| Rgb::parse(word)).collect(),
        Value::Text(_) | Value::Flag(_) | Value::Table(_) | Value::Other(_) => None,
    };
    colours.ok_or_else(|| document.error_at(entry, "should be a list of `#rrggbb`"))
}

/// `"#98c379"`, `"green"`, or `{ rgb = "#98c379", ansi = "green" }` to choose among the sixteen oneself.
fn palette_colour(document: &Document, entry: &Entry) -> Result<Colour, AssetError> {
    let colour = match &entry.value {
        Value::Text(word) => plain_colour(word),
        Value::Table(fields) => {
            let field = |name: &str| {
                fields.iter().find(|field| field.key == name).and_then(|field| match &field.value {
                    Value::Text(word) => Some(word.as_str()),
                    Value::Flag(_) | Value::List(_) | Value::Table(_) | Value::Other(_) => None,
                })
            };
            match (field("rgb").and_then(Rgb::parse), field("ansi").and_then(Ansi::parse)) {
                (Some(rgb), Some(ansi)) if fields.len() == 2 => Some(Colour::Rgb(rgb, ansi)),
                _ => None,
            }
        }
        Value::Flag(_) | Value::List(_) | Value::Other(_) => None,
    };
    colour.ok_or_else(|| {
        document.error_at(
            entry,
            "not a colour. Write `#rrggbb`, one of the sixteen such as `bright-red`, or { rgb = \"#rrggbb\", ansi = \"red\" }.",
        )
    })
}

fn plain_colour(word: &str) -> Option<Colour> {
    if word == "default" {
        return Some(Colour::Default);
    }
    Rgb::parse(word).map(|rgb| Colour::Rgb(rgb, Ansi::nearest(rgb))).or_else(|| Ansi::parse(word).map(Colour::Ansi))
}
