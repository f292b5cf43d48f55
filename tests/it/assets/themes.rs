//! Themes: every role has a style, every text can be read, nothing is told by colour alone, mistakes are named.

use gatewatch::console::assets::{Kind, Shelf};
use gatewatch::console::theme::charset::{Charset, ascii};
use gatewatch::console::theme::colour::{Colour, Rgb};
use gatewatch::console::theme::depth::Depth;
use gatewatch::console::theme::load::{self, Sheet};
use gatewatch::console::theme::role::Role;
use gatewatch::console::theme::sign::Sign;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::BorderType;

use super::{UserFolder, shipped};

const ALL_DEPTHS: [Depth; 4] = [Depth::Mono, Depth::Ansi16, Depth::Ansi256, Depth::Rgb];

fn sheet(name: &str) -> Sheet {
    load::sheet(&Shelf::new(Kind::Theme, None), name).unwrap()
}

#[test]
fn every_shipped_theme_gives_every_role_a_style_at_every_depth() {
    for name in shipped(Kind::Theme) {
        for depth in ALL_DEPTHS {
            load::theme(&Shelf::new(Kind::Theme, None), &name, depth).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

/// Colours as they end up on a terminal with 256 of them.
fn on_256(color: Color) -> Option<Rgb> {
    let Color::Indexed(index) = color else { return None };
    let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
    Some(match index {
        16..=231 => {
            let n = index - 16;
            Rgb(level(n / 36), level(n / 6 % 6), level(n % 6))
        }
        _ => Rgb(8 + 10 * (index - 232), 8 + 10 * (index - 232), 8 + 10 * (index - 232)),
    })
}

/// Every text of a theme with every background it can stand on.
fn pairs(sheet: &Sheet) -> Vec<(Role, Colour, Vec<Rgb>)> {
    let default = sheet.look(Role::Background).bg.and_then(Colour::rgb);
    let grounds: Vec<Rgb> = default.map_or_else(|| sheet.assumes.clone(), |ground| vec![ground]);
    assert!(!grounds.is_empty(), "{} says no background it is made for", sheet.name);
    let tints = [Role::Selection, Role::Flash].into_iter().filter_map(|role| {
        let look = sheet.look(role);
        // A tint with a text colour of its own replaces the text's.
        look.fg.is_none().then(|| look.bg.and_then(Colour::rgb)).flatten()
    });
    let below: Vec<Rgb> = grounds.iter().copied().chain(tints).collect();
    let of = |role: Role| {
        let look = sheet.look(role);
        let ground = look.bg.and_then(Colour::rgb).map_or_else(|| below.clone(), |own| vec![own]);
        look.fg.map(|colour| (role, colour, ground))
    };
    Role::ALL.into_iter().filter(|role| role.is_text()).filter_map(of).collect()
}

#[test]
fn text_reads_at_four_and_a_half_to_one_in_every_theme() {
    let mut problems = Vec::new();
    for name in shipped(Kind::Theme).iter().filter(|name| *name != load::MONO) {
        let sheet = sheet(name);
        let pairs = pairs(&sheet);
        assert!(pairs.len() > 10, "{name}: hardly any text has a colour");
        for (role, colour, grounds) in pairs {
            for ground in grounds {
                let exact = colour.rgb().expect("shipped themes name exact colours").contrast(ground);
                let cut = colour.at(Depth::Ansi256).and_then(on_256).map_or(exact, |rgb| rgb.contrast(ground));
                for (depth, contrast) in [("rgb", exact), ("256", cut)] {
                    if contrast < 4.5 {
                        problems.push(format!("{name}: {} on {ground:?} at {depth}: {contrast:.2}", role.name()));
                    }
                }
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn contrast_is_what_wcag_says() {
    let black = Rgb(0, 0, 0);
    assert!((Rgb(255, 255, 255).contrast(black) - 21.0).abs() < 0.01);
    assert!((Rgb(118, 118, 118).contrast(Rgb(255, 255, 255)) - 4.54).abs() < 0.01);
    assert!((black.contrast(black) - 1.0).abs() < f64::EPSILON);
}

#[test]
fn without_colours_no_theme_has_any_and_what_must_differ_differs() {
    for name in shipped(Kind::Theme) {
        let theme = load::theme(&Shelf::new(Kind::Theme, None), &name, Depth::Mono).unwrap();
        for role in Role::ALL {
            let style = theme.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{name} colours {} without colours", role.name());
        }
        // What lies on top of text, and what shouts, must not look like plain text.
        for loud in [
            Role::Selection,
            Role::StatusFailed,
            Role::StatusWarning,
            Role::StatusPaused,
            Role::Production,
            Role::ProductionTag,
            Role::Key,
            Role::Input,
            Role::Badge,
            Role::Flash,
            Role::Match,
        ] {
            assert_ne!(theme.style(loud), theme.style(Role::Text), "{name}: {}", loud.name());
        }
        // A failed row stays one under the cursor.
        assert!(theme.style(Role::StatusFailed).add_modifier.contains(Modifier::BOLD));
    }
}

#[test]
fn signs_differ_in_unicode_and_in_ascii_and_take_one_column() {
    let glyphs: Vec<&str> = Sign::ALL.into_iter().map(Sign::glyph).collect();
    assert_eq!(glyphs.concat(), "✓●◌▲✗⏸↺·?");
    let plain: String = glyphs.iter().map(|glyph| ascii(glyph)).collect();
    assert_eq!(plain.replace('?', ""), "v*o!x=<.");
    for glyph in glyphs {
        assert_eq!(unicode_width::UnicodeWidthStr::width(glyph), 1, "{glyph}");
    }
}

/// In ASCII, too, the frame around production is another one.
#[test]
fn frames_in_ascii_are_lines_and_production_has_its_own() {
    let drawn = |kind: BorderType| -> Vec<&str> {
        let set = kind.to_border_set();
        [set.top_left, set.horizontal_top, set.top_right, set.vertical_left].map(ascii).to_vec()
    };
    assert_eq!(drawn(BorderType::Plain), ["+", "-", "+", "|"]);
    assert_eq!(drawn(BorderType::Thick), ["#", "=", "#", "#"]);
}

#[test]
fn a_frame_in_ascii_has_nothing_else_and_nothing_moves() {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 30, 1));
    buffer.set_string(0, 0, "✓ 注文 ▲ café → ⡠⠒⠉ ─│┌ 🚀.", Style::default());
    let before: Vec<usize> = buffer.content.iter().map(|cell| cell.symbol().len().min(1)).collect();
    Charset::Ascii.apply(&mut buffer);
    let text: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
    assert!(text.is_ascii());
    assert_eq!(text.trim_end(), "v ? ?  ! caf? > .-' -|+ ? .");
    assert_eq!(buffer.content.iter().map(|cell| cell.symbol().len().min(1)).collect::<Vec<_>>(), before);
}

#[test]
fn depth_follows_the_environment() {
    let cases = [
        (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")][..], Depth::Rgb),
        (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("NO_COLOR", "1")], Depth::Mono),
        (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], Depth::Ansi256),
        (&[("TERM", "tmux-256color")], Depth::Ansi256),
        (&[("TERM", "xterm-direct")], Depth::Rgb),
        (&[("TERM", "linux")], Depth::Ansi16),
        (&[("TERM", "dumb"), ("COLORTERM", "truecolor")], Depth::Mono),
        (&[("TERM", "vt220")], Depth::Mono),
        (&[], Depth::Ansi16),
    ];
    for (environment, depth) in cases {
        let env = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        assert_eq!(Depth::detect(env), depth, "{environment:?}");
    }
}

#[test]
fn charset_follows_the_locale() {
    let cases = [
        (&[("LANG", "de_CH.UTF-8")][..], Charset::Unicode),
        (&[("LANG", "C.utf8")], Charset::Unicode),
        (&[("LANG", "C")], Charset::Ascii),
        (&[("LANG", "en_US.UTF-8"), ("LC_ALL", "POSIX")], Charset::Ascii),
        (&[("LANG", "de_DE.ISO-8859-1"), ("LC_CTYPE", "en_US.UTF-8")], Charset::Unicode),
        (&[("LANG", "en_US.UTF-8"), ("LC_ALL", "")], Charset::Unicode),
        (&[], Charset::Unicode),
    ];
    for (environment, charset) in cases {
        let env = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        assert_eq!(Charset::detect(env), charset, "{environment:?}");
    }
}

#[test]
fn a_theme_of_ones_own_overrides_what_it_names_and_inherits_the_rest() {
    let user = UserFolder::new(
        Kind::Theme,
        &[
            ("mine", "inherits = \"dark\"\n[palette]\ngreen = \"#00ff00\"\n[roles]\nkey = \"bright-cyan\"\n"),
            ("dark", "inherits = \"dark\"\n[roles]\n\"text.muted\" = \"#abcdef\"\n"),
        ],
    );
    let theme = load::theme(&user.shelf(), "mine", Depth::Rgb).unwrap();
    assert_eq!(theme.style(Role::StatusOk).fg, Some(Color::Rgb(0, 255, 0)), "a palette recolours what is inherited");
    assert_eq!(theme.style(Role::Key), Style::new().fg(Color::LightCyan), "a role replaces the whole role");
    assert_eq!(
        theme.style(Role::TextMuted).fg,
        Some(Color::Rgb(0xab, 0xcd, 0xef)),
        "a user's dark is everybody's dark"
    );
    assert_eq!(theme.style(Role::Text), sheet("dark").at(Depth::Rgb).style(Role::Text));
    assert!(user.shelf().names().contains(&"mine".to_owned()));
}

#[test]
fn mistakes_name_file_line_and_key() {
    let cases = [
        (
            "inherits = \"dark\"\n[roles]\n\"text.mutde\" = \"red\"\n",
            "themes/t.toml:3: `text.mutde`: no such role. Did you mean `text.muted`?",
        ),
        (
            "inherits = \"dark\"\n[roles]\nstatus.ok = \"red\"\n",
            "themes/t.toml:3: `status`: a role with a dot is written in quotes: \"status.ok\"",
        ),
        (
            "inherits = \"dark\"\n\n[roles]\nkey = \"gren\"\n",
            "themes/t.toml:4: `key`: no colour `gren`. Did you mean `green`?",
        ),
        (
            "inherits = \"dark\"\n[roles]\nkey = { fg = \"#12345\" }\n",
            "themes/t.toml:3: `fg`: no colour `#12345`. A colour is `#rrggbb`, `default`, one of the sixteen such as `bright-red`, or a name in [palette].",
        ),
        (
            "inherits = \"dark\"\n[roles]\nkey = { blink = true }\n",
            "themes/t.toml:3: `key`: `blink` is true or false. A role takes colours `fg` and `bg`, and `bold`, `dim`, `underline`, `reverse` as true or false.",
        ),
        (
            "inherits = \"dark\"\n[roles]\nkey = 7\n",
            "themes/t.toml:3: `key`: is an integer, but should be a colour or { fg, bg, bold, … }",
        ),
        (
            "inherits = \"dark\"\n[palete]\nred = \"#ff0000\"\n",
            "themes/t.toml:2: `palete`: a theme has no such key. Did you mean `palette`?",
        ),
        (
            "inherits = \"dark\"\n[palette]\nred = \"#ff000g\"\n",
            "themes/t.toml:3: `red`: not a colour. Write `#rrggbb`, one of the sixteen such as `bright-red`, or { rgb = \"#rrggbb\", ansi = \"red\" }.",
        ),
        ("inherits = \"drak\"\n", "themes/t.toml:1: `inherits`: no theme named `drak`. Did you mean `dark`?"),
        ("inherits = \"t2\"\n", "themes/t2.toml:2: `inherits`: themes go round in a circle: t → t2 → t"),
        (
            "inherits = \"../../etc/passwd\"\n",
            "themes/t.toml:1: `inherits`: no theme named `../../etc/passwd`. There are: dark, high-contrast, light, mono, t, t2.",
        ),
        (
            "[roles]\ntext = \"red\"\n",
            "themes/t.toml:1: `roles`: lacks the role `background`. Add it, or inherit from a theme that has it.",
        ),
        ("[roles\n", "themes/t.toml:1: unclosed table, expected `]`"),
    ];
    for (text, words) in cases {
        let user = UserFolder::new(Kind::Theme, &[("t", text), ("t2", "\ninherits = \"t\"\n")]);
        let error = load::theme(&user.shelf(), "t", Depth::Rgb).unwrap_err();
        assert_eq!(user.words(&error), words);
    }
    let error = load::theme(&Shelf::new(Kind::Theme, None), "lihgt", Depth::Rgb).unwrap_err();
    assert_eq!(error.to_string(), "themes/lihgt.toml: no theme named `lihgt`. Did you mean `light`?");
}
