//! Specs of a folder: read anew whenever somebody asks, and never worse than the last good text.

use std::fs;
use std::path::Path;

use gatewatch::spec::library::Library;

fn write(folder: &Path, file: &str, text: &str) {
    fs::write(folder.join(file), text).unwrap();
}

fn version(library: &Library, name: &str) -> Option<String> {
    library.find(name).map(|spec| spec.pin.version.clone())
}

fn troubles(library: &Library) -> Vec<String> {
    library.troubles().map(ToString::to_string).collect()
}

#[test]
fn a_changed_file_is_served_and_a_broken_one_keeps_its_last_good_text() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("specs");
    let mut library = Library::open(&folder);
    assert_eq!((library.specs().count(), troubles(&library)), (3, Vec::new()), "there need be no folder");

    fs::create_dir(&folder).unwrap();
    write(&folder, "mine.toml", "name = 'mine'\nversion = '1'\n");
    write(&folder, "notes.txt", "not = 'a spec'\n");
    assert_eq!(version(&library, "mine"), None, "nobody has asked yet");
    library.refresh();
    assert_eq!(version(&library, "mine").as_deref(), Some("1"));
    assert_eq!(library.find("mine").unwrap().file.as_deref(), Some(folder.join("mine.toml").as_path()));

    write(&folder, "mine.toml", "name = 'mine'\nversion = '2'\nrulez = []\n");
    library.refresh();
    assert_eq!(version(&library, "mine").as_deref(), Some("1"), "the last good one");
    let told = troubles(&library);
    assert!(told.len() == 1 && told[0].contains("mine.toml:3: rulez:"), "{told:?}");
    assert_eq!(library.trouble_of("mine").map(ToString::to_string), Some(told[0].clone()));
    assert_eq!(version(&Library::open(&folder), "mine"), None, "whoever never saw a good one has none");

    write(&folder, "mine.toml", "name = 'mine'\nversion = '2'\n");
    library.refresh();
    assert_eq!((version(&library, "mine").as_deref(), troubles(&library)), (Some("2"), Vec::new()));
    fs::remove_file(folder.join("mine.toml")).unwrap();
    library.refresh();
    assert_eq!(version(&library, "mine"), None);
}

#[test]
fn a_name_is_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.toml", "name = 'mine'\nversion = 'a'\n");
    write(folder.path(), "b.toml", "version = 'b'\nname = 'mine'\n");
    write(folder.path(), "c.toml", "name = 'codegen'\n");
    let library = Library::open(folder.path());
    assert_eq!(version(&library, "mine").as_deref(), Some("a"));
    let told = troubles(&library);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("b.toml:2: name:") && told[0].contains("a.toml has the same name."), "{told:?}");
    assert!(told[1].contains("c.toml:1: name:") && told[1].contains("comes with gatewatch"), "{told:?}");
    assert_eq!(library.find("codegen").unwrap().file, None);
}
