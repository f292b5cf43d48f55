//! Configuration: file under environment under flags, and problems that name place, key and remedy.

use std::fs;
use std::path::Path;
use std::time::Duration;

use gatewatch::config::agents::Agent;
use gatewatch::config::paths::Surroundings;
use gatewatch::config::settings::{Permission, Settings, Store, Target};
use gatewatch::config::sources::{Flags, Kind, VARIABLES, load};
use gatewatch::config::{EXAMPLE, problem};
use gatewatch::contracts::failure::{Failure, FailureKind};
use secrecy::ExposeSecret as _;

fn surroundings(home: &Path, variables: &[(&str, &str)]) -> Surroundings {
    Surroundings {
        variables: variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        home: home.to_owned(),
        config_home: home.join("config"),
        state_home: home.join("state"),
        current_dir: home.to_owned(),
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Settings of a home that holds these two files.
fn settings(gatewatch: &str, temporal: &str, variables: &[(&str, &str)]) -> Result<Settings, problem::Problem> {
    let home = tempfile::tempdir().unwrap();
    write(&home.path().join("config/gatewatch/gatewatch.toml"), gatewatch);
    write(&home.path().join("config/temporalio/temporal.toml"), temporal);
    load(&Flags::default(), &surroundings(home.path(), variables))
}

fn problem(gatewatch: &str, temporal: &str, variables: &[(&str, &str)]) -> String {
    settings(gatewatch, temporal, variables).expect_err("it should be refused").to_string()
}

#[test]
fn nothing_configured_means_the_defaults() {
    let home = tempfile::tempdir().unwrap();
    let settings = load(&Flags::default(), &surroundings(home.path(), &[("USER", "mira")])).unwrap();
    assert_eq!(settings.temporal.address.as_str(), "http://127.0.0.1:7233/");
    assert_eq!(settings.temporal.namespace, "default");
    assert_eq!(settings.temporal.task_queue, "gatewatch");
    assert_eq!(settings.coordinator.listen.to_string(), "127.0.0.1:7400");
    assert_eq!(settings.coordinator.signing_key, home.path().join("state/gatewatch/coordinator.key"));
    assert_eq!(settings.console.actor, "mira");
    assert!(settings.coordinator_client.is_none() && settings.services.is_empty() && !settings.console.read_only);
}

#[test]
fn the_coordinators_store_is_a_file_or_postgresql_and_its_url_is_told_to_nobody() {
    let read = |written: &str| settings(&format!("[coordinator]\nstore = \"{written}\"\n"), "", &[]);
    let Store::Sqlite(file) = read("sqlite:///var/lib/x.db").unwrap().coordinator.store else { panic!() };
    assert_eq!(file, Path::new("/var/lib/x.db"));
    let kept = read("postgres://me:hunter2@db/x").unwrap();
    assert!(matches!(kept.coordinator.store, Store::Postgres(_)) && !format!("{kept:?}").contains("hunter2"));
    for wrong in ["mysql://me:hunter2@db/x", "me:hunter2", "sqlite://", "postgres://me:hunter2@db:port/x"] {
        let said = read(wrong).expect_err("it should be refused").to_string();
        assert!(said.contains("coordinator.store") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn the_example_parses_and_says_the_defaults() {
    let example = settings(EXAMPLE, "", &[]).unwrap();
    let defaults = settings("", "", &[]).unwrap();
    // The two homes differ; everything else must not.
    let text = |settings: &Settings| {
        let shown = format!("{settings:#?}");
        let home = settings.console.state_dir.parent().unwrap().parent().unwrap().display().to_string();
        shown.replace(&home, "HOME")
    };
    assert_eq!(text(&example), text(&defaults));
}

#[test]
fn the_commented_out_part_of_the_example_parses_too() {
    let whole: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(code)
                if code.starts_with('[') || code.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) =>
            {
                code.to_owned()
            }
            _ => line.to_owned(),
        })
        .map(|line| line.replace("token_sha256 = \"...\"", &format!("token_sha256 = \"{}\"", "a".repeat(64))) + "\n")
        .filter(|line| {
            // Of files that are not there.
            let files = ["token_file", "config_file", "signing_secret_file", "secrets", "webhook_secrets_file"];
            !files.iter().any(|key| line.starts_with(key))
        })
        .collect();
    let settings = settings(&whole, "", &[]).unwrap();
    let service = &settings.services[&"checkout".into()];
    let Target::Process(target) = &service.target;
    assert_eq!(target.switch.as_str(), "http://127.0.0.1:8081/");
    assert_eq!(service.journeys[0].expect_text.as_deref(), Some("checkout"));
    assert!(service.repository.is_absolute() && service.repository.ends_with("src/checkout"));
    assert_eq!(settings.coordinator.people[0].may, [Permission::Decide, Permission::Rollback, Permission::Operate]);
    assert_eq!(settings.coordinator_client.unwrap().url.as_str(), "http://127.0.0.1:7400/");
    assert_eq!(settings.worker.drain, Duration::from_secs(20));
    let adapters: Vec<&str> = settings.agents.iter().map(Agent::adapter_name).collect();
    assert_eq!(adapters, ["command", "http", "llm", "workflow", "scripted"]);
    assert_eq!((settings.dispatcher.quota("acme"), settings.dispatcher.quota("other")), (2, 8));
}

#[test]
fn what_is_wrong_with_an_agent_is_told_with_its_line_and_field() {
    let agent = "[[agents]]\nname = 'a'\nkinds = ['X']\nadapter = 'scripted'\n";
    let person = format!("[[coordinator.people]]\nname = 'p'\ntoken_sha256 = '{}'\n", "a".repeat(64));
    for (file, expected) in [
        ("\n[[agents]]\nkinds = ['X']", "gatewatch.toml:2: agents[0].name: It is missing."),
        (
            "[[agents]]\nname = 'a'\nadapter = 'pigeon'\nkinds = ['X']",
            "toml:3: agents[0].adapter: There is no adapter `pigeon`.",
        ),
        ("[[agents]]\nname = 'a'\nadapter = 'http'\nkinds = ['X']", "agents[0].url: It is missing."),
        (
            "[[agents]]\nname = 'a'\nadapter = 'scripted'\nkinds = ['APPROVAL']",
            "toml:4: agents[0].kinds: APPROVAL is no work",
        ),
        ("[[agents]]\nname = 'a'\nadapter = 'scripted'", "agents[0].kinds: It takes no kind of work"),
        (&format!("{agent}url = 'http://x'"), "toml:5: agents[0].url: The adapter `scripted` has no `url`."),
        (&format!("{agent}alternates = ['b']"), "toml:5: agents[0].alternates: There is no other agent called `b`."),
        (
            &format!("{agent}{agent}"),
            "toml:6: agents[1].name: There are two agents called `a`: agents[0] and agents[1].",
        ),
        (
            &format!("{person}{person}"),
            "toml:5: coordinator.people[1].name: There are two people called `p`: coordinator.people[0] and \
             coordinator.people[1]. Give each a name of its own.",
        ),
        (
            "[[coordinator.routes]]\nname = 'r'\nworkflows = ['w']\nevent = 'e'\n\
             [[coordinator.routes]]\nname = 'r'\nworkflows = ['w']\nevent = 'e'",
            "There are two routes called `r`: coordinator.routes[0] and coordinator.routes[1].",
        ),
        (&format!("{agent}priority = 9"), "toml:5: agents[0].priority: 9 is no priority."),
        (&format!("{agent}time_limit = 'soon'"), "toml:5: agents[0].time_limit: `soon` is no duration."),
        (&format!("{agent}max_output = 0"), "toml:5: agents[0].max_output"),
        (&format!("{agent}tyme_limit = '1s'"), "Did you mean `time_limit`?"),
        (
            "[[agents]]\nname='a'\nkinds=['X']\nadapter='http'\nurl='http://far.example'\ntoken_file='none'",
            "toml:6: agents[0].token_file",
        ),
        ("[dispatcher]\nconcurrency = 0", "toml:2: dispatcher.concurrency: It is 0"),
        (
            "[[coordinator.routes]]\nname = 'a'\nevent = 'e'",
            "coordinator.routes[0].workflows: It leads to no workflow.",
        ),
        (
            "[[coordinator.routes]]\nname = 'a'\nworkflows = ['w']\nevent = 'e'\nsignal = 's'",
            "toml:5: coordinator.routes[0].signal: It does not say how",
        ),
        (
            "[[coordinator.service_accounts]]\nname = 'a'\ntoken_sha256 = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'\n\
             tenants = ['a:b']",
            "toml:4: coordinator.service_accounts[0].tenants: `a:b` is no name of a tenant.",
        ),
    ] {
        let told = problem(file, "", &[]);
        assert!(told.contains(expected), "{file}\n{told}\n{expected}");
    }
}

#[test]
fn flags_go_over_the_environment_over_the_file() {
    let home = tempfile::tempdir().unwrap();
    write(
        &home.path().join("config/gatewatch/gatewatch.toml"),
        "[console]\ntheme = 'file'\nkeymap = 'file'\nactor = 'file'",
    );
    let over = surroundings(home.path(), &[("GATEWATCH_THEME", "variable"), ("GATEWATCH_KEYMAP", "variable")]);
    let flags =
        Flags::default().set("--theme", "console.theme", Some("flag")).set("--x", "console.actor", None::<bool>);
    let console = load(&flags, &over).unwrap().console;
    assert_eq!((&*console.theme, &*console.keymap, &*console.actor), ("flag", "variable", "file"));
}

#[test]
fn a_profile_of_temporal_toml_is_what_the_cli_would_use() {
    let file = "[profile.default]\naddress = 'here:7233'\n[profile.prod]\naddress = 'there:7233'\nnamespace = 'shop'\n\
                api_key = 'sesame'\n[profile.prod.grpc_meta]\nsome_header = 'x'";
    let default = settings("", file, &[]).unwrap().temporal;
    assert_eq!((default.address.as_str(), default.api_key.is_none()), ("http://here:7233/", true));
    let prod = settings("", file, &[("TEMPORAL_PROFILE", "prod")]).unwrap().temporal;
    assert_eq!((prod.address.as_str(), &*prod.namespace), ("https://there:7233/", "shop"), "a key means TLS");
    assert_eq!(prod.api_key.unwrap().expose_secret(), "sesame");
    assert_eq!(prod.headers["some-header"].expose_secret(), "x");
    let over = [("TEMPORAL_PROFILE", "prod"), ("TEMPORAL_ADDRESS", "else:1"), ("TEMPORAL_GRPC_META_SOME_HEADER", "y")];
    let over = settings("[temporal]\naddress = 'ignored:1'", file, &over).unwrap().temporal;
    assert_eq!(over.address.as_str(), "https://else:1/");
    assert_eq!(over.headers["some-header"].expose_secret(), "y");
    assert_eq!(over.cluster().address, "else:1");
}

#[test]
fn what_differs_under_one_profile_applies_to_it_alone() {
    let home = tempfile::tempdir().unwrap();
    write(
        &home.path().join("config/temporalio/temporal.toml"),
        "[profile.prod]\naddress = 'a:1'\n[profile.dev]\naddress = 'b:1'",
    );
    write(
        &home.path().join("config/gatewatch/gatewatch.toml"),
        "[console]\ntheme = 'x'\n[profiles.prod.console]\nread_only = true",
    );
    let at = |variables: &[(&str, &str)]| surroundings(home.path(), variables);
    let console = |profile| load(&Flags::default(), &at(&[("TEMPORAL_PROFILE", profile)])).unwrap().console;
    assert!(console("prod").read_only && console("prod").theme == "x");
    assert!(!console("dev").read_only);
    let once = Flags::default().set("--read-only", "console.read_only", Some(false));
    let once = load(&once, &at(&[("TEMPORAL_PROFILE", "prod")])).unwrap();
    assert!(!once.console.read_only, "an explicit flag for one run goes over the profile");
}

#[test]
fn credentials_never_travel_in_clear() {
    for file in [
        "[profile.default]\naddress = 'http://there:7233'\napi_key = 'sesame'",
        "[profile.default]\naddress = 'http://there:7233'\n[profile.default.tls]\nserver_name = 'x'",
        "[profile.default]\naddress = 'there:7233'\napi_key = 'sesame'\n[profile.default.tls]\ndisabled = true",
        "[profile.default]\naddress = 'there:7233'\n[profile.default.grpc_meta]\nauthorization = 'sesame'",
        "[profile.default]\naddress = 'there:7233'\n[profile.default.grpc_meta]\nx-api-key = 'sesame'",
        "[profile.default]\naddress = 'http://127.0.0.1:7233'\n[profile.default.grpc_meta]\nauthorization = 'sesame'",
    ] {
        let said = problem("", file, &[]);
        assert!(said.contains("temporal.toml:2: address:") && said.contains("in clear"), "{said}");
        assert!(said.contains("https://") && !said.contains("sesame"), "{said}");
    }
    let said = problem("", "", &[("TEMPORAL_ADDRESS", "http://there:7233"), ("TEMPORAL_API_KEY", "sesame")]);
    assert!(said.starts_with("environment variable TEMPORAL_ADDRESS: address:"), "{said}");
    let said = problem("[coordinator_client]\nurl = 'http://there:7400'\ntoken = 'sesame'", "", &[]);
    assert!(said.contains("gatewatch.toml:2: coordinator_client.url:") && !said.contains("sesame"), "{said}");
    let here = "[profile.default]\naddress = '127.0.0.1:7233'\n[profile.default.grpc_meta]\nx-tenant = 'shop'";
    assert_eq!(settings("", here, &[]).unwrap().temporal.headers.len(), 1, "a header that stays on this machine");
    let local = "[coordinator_client]\nurl = 'http://127.0.0.1:7400'\ntoken = 'sesame'";
    let local = settings(local, "", &[]).unwrap();
    assert!(!format!("{local:?}").contains("sesame"), "secrets cannot be printed");
}

#[test]
fn no_problem_shows_a_secret() {
    for (gatewatch, temporal) in [
        ("[coordinator_client]\nurl = 'http://127.0.0.1:1'\ntoken = 4711", ""),
        ("[coordinator_client]\nurl = 'http://127.0.0.1:1'\ntoken = ['4711']", ""),
        ("[coordinator_client]\nurl = 'http://mira:4711@there:7400'\ntoken = 'x'", ""),
        ("[coordinator_client]\nurl = 'ftp://mira:4711@there'", ""),
        ("", "[profile.default]\napi_key = 4711"),
        ("", "[profile.default.grpc_meta]\nx-api-key = 4711"),
        ("", "[profile.default]\naddress = 'http://mira:4711@there:7233'\napi_key = 'x'"),
        ("", "[profile.default]\naddress = 'ftp://mira:4711@there'"),
    ] {
        let said = problem(gatewatch, temporal, &[]);
        assert!(!said.contains("4711") && said.contains(".toml:"), "{said}");
    }
}

#[test]
fn a_token_of_the_environment_goes_over_a_file_named_in_the_file() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config/gatewatch/gatewatch.toml");
    let client = "[coordinator_client]\nurl = 'http://127.0.0.1:1'\n";
    write(&home.path().join("config/gatewatch/token"), "of-the-file");
    write(&home.path().join("token"), "of-the-variable");
    let token = |more: &str, variables: &[(&str, &str)]| {
        write(&file, &format!("{client}{more}"));
        let settings = load(&Flags::default(), &surroundings(home.path(), variables));
        settings.map(|settings| settings.coordinator_client.unwrap().token.unwrap().expose_secret().to_owned())
    };
    assert_eq!(token("token_file = 'token'", &[]).unwrap(), "of-the-file");
    assert_eq!(token("token_file = 'token'", &[("GATEWATCH_TOKEN", "sesame")]).unwrap(), "sesame");
    assert_eq!(token("token = 'x'", &[("GATEWATCH_TOKEN_FILE", "token")]).unwrap(), "of-the-variable");
    let both = token("token = 'x'\ntoken_file = 'token'", &[]).unwrap_err().to_string();
    assert!(both.contains("Keep one of them"), "{both}");
}

#[test]
fn a_temporal_toml_that_is_named_starts_from_where_it_is_named_and_must_exist() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config/gatewatch/gatewatch.toml");
    write(&file, "[temporal]\nconfig_file = 'mine.toml'");
    write(&home.path().join("config/gatewatch/mine.toml"), "[profile.default]\nnamespace = 'of-the-file'");
    write(&home.path().join("mine.toml"), "[profile.default]\nnamespace = 'of-the-folder'");
    let namespace = |variables: &[(&str, &str)]| {
        load(&Flags::default(), &surroundings(home.path(), variables)).map(|settings| settings.temporal.namespace)
    };
    assert_eq!(namespace(&[]).unwrap(), "of-the-file");
    assert_eq!(namespace(&[("TEMPORAL_CONFIG_FILE", "mine.toml")]).unwrap(), "of-the-folder");
    let said = namespace(&[("TEMPORAL_CONFIG_FILE", "absent.toml")]).unwrap_err().to_string();
    assert!(said.starts_with("environment variable TEMPORAL_CONFIG_FILE:") && said.contains("absent.toml"), "{said}");
    write(&file, "[temporal]\nconfig_file = 'absent.toml'");
    let said = namespace(&[]).unwrap_err().to_string();
    assert!(said.contains("gatewatch.toml:2: temporal.config_file:"), "{said}");
}

#[test]
fn problems_name_file_line_key_and_remedy() {
    let table = [
        (
            "[console]\ntheme = 'dark'\nthme = 'x'",
            "gatewatch.toml:3: console.thme: Unknown field `thme`",
            "Did you mean `theme`?",
        ),
        (
            "\n[console]\nbell = 'loud'",
            "gatewatch.toml:3: console.bell: Invalid type: string \"loud\"",
            "Correct the value.",
        ),
        ("[console\ntheme = 'dark'", "gatewatch.toml:1: ", "Correct"),
        ("[worker]\ndrain = 'soon'", "gatewatch.toml:2: worker.drain: `soon` is no duration", "`30s`"),
        ("[worker]\nlisten = 'here'", "gatewatch.toml:2: worker.listen:", "127.0.0.1:7400"),
        (
            "[services.shop]\npublic_url = 'http://a'\nrepository = 'r'\nrecords = 'r'\n[services.shop.target]\nkind = 'vercel'",
            "gatewatch.toml:6: services.shop.target.kind: There is no deploy target `vercel`",
            "process",
        ),
        ("[services.shop]\npublic_url = 'http://a'", "services.shop.target: It is missing", "Add"),
        (
            "[[coordinator.people]]\nname = 'mira'\ntoken_sha256 = 'abc'",
            "gatewatch.toml:3: coordinator.people[0].token_sha256:",
            "sha256sum",
        ),
        ("[[console.views]]\nname = 'slow'", "console.views[0].query: It is missing", "Add"),
        (
            "[[console.views]]\nname = 'a'\nquery = 'x'\n[[console.views]]\nname = 'b'\nquery = 'x'",
            "console.views[1].query: Another view has the same query",
            "Keep one",
        ),
        (
            "[[console.views]]\nname = 'slow'\nquery = \"a\\nb\"",
            "gatewatch.toml:3: console.views[0].query: It is more than one line",
            "Write it in one",
        ),
        (
            "[temporal]\nprofile = 'prod'",
            "gatewatch.toml:2: temporal.profile: There is no profile `prod`",
            "temporal config set",
        ),
    ];
    for (file, place, remedy) in table {
        let said = problem(file, "", &[]);
        assert!(said.contains(place), "{place}\n{said}");
        assert!(said.contains(remedy), "{remedy}\n{said}");
    }
    let said = problem("", "", &[("GATEWATCH_READ_ONLY", "perhaps")]);
    assert!(said.starts_with("environment variable GATEWATCH_READ_ONLY: console.read_only:"), "{said}");
    let said = problem("", "[profile.prod.tls]\nclient_cert_path = 'nowhere.pem'", &[("TEMPORAL_PROFILE", "prod")]);
    assert!(
        said.contains("temporal.toml:1: tls.client_cert:") && said.contains("nowhere.pem cannot be read"),
        "{said}"
    );
}

#[test]
fn a_named_file_must_exist_and_the_failure_says_which() {
    let home = tempfile::tempdir().unwrap();
    let flags = Flags::new(Some("mine.toml".into()));
    let said = load(&flags, &surroundings(home.path(), &[])).unwrap_err();
    let failure = Failure::from(said);
    assert_eq!(failure.kind, FailureKind::Invalid);
    assert!(failure.message.contains("mine.toml") && failure.hint.contains("--example"), "{failure}");
    let by_variable = surroundings(home.path(), &[("GATEWATCH_CONFIG", "other.toml")]);
    assert!(load(&Flags::default(), &by_variable).unwrap_err().to_string().contains("other.toml"));
}

#[test]
fn every_variable_changes_a_setting() {
    let home = tempfile::tempdir().unwrap();
    write(&home.path().join("config/temporalio/temporal.toml"), "[profile.sample]\nnamespace = 'sample'");
    write(&home.path().join("other.toml"), "[profile.default]\nnamespace = 'other'");
    write(&home.path().join("config/gatewatch/gatewatch.toml"), "[coordinator_client]\nurl = 'http://127.0.0.1:1'");
    write(&home.path().join("token"), "sesame");
    let seen = |variables: &[(&str, &str)]| {
        format!("{:?}", load(&Flags::default(), &surroundings(home.path(), variables)).unwrap())
    };
    for (variable, key, kind) in VARIABLES {
        let value = match (*key, kind) {
            ("temporal.config_file", _) => "other.toml",
            ("temporal.address", _) => "sample:7233",
            ("coordinator_client.token_file", _) => "token",
            ("worker.listen" | "coordinator.listen", _) => "127.0.0.1:9",
            ("worker.drain", _) => "9s",
            ("coordinator.store", _) => "sqlite://sample.db",
            ("coordinator_client.url", _) => "http://127.0.0.1:9",
            ("console.read_only", _) => "true",
            (_, Kind::Switch) => "false",
            (_, Kind::Number) => "9",
            (_, Kind::Text) => "sample",
        };
        assert_ne!(seen(&[(variable, value)]), seen(&[]), "{variable}={value} changed nothing");
    }
}
