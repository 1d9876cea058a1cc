//! Operators' commands without a shop, about missing objects, and with an unwritable output.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use testkit::binary::{Process, path};
use testkit::database::{DatabaseKind, TestDatabase};

const TIME_LIMIT: Duration = Duration::from_secs(60);

/// An id that no object has.
const NOTHING: &str = "01a20850-331c-76af-93cb-023f00bd04b6";

/// Commands that only read, and commands that write.
const READING: [&[&str]; 4] = [&["payment", "explain", NOTHING], &["audit"], &["audit-log"], &["outbox", "list"]];
const WRITING: [&[&str]; 6] = [
    &["payment", "reconcile"],
    &["payment", "reconcile", NOTHING],
    &["outbox", "retry"],
    &["outbox", "retry", NOTHING],
    &["unlock", "ada@example.com"],
    &["seed", "--products", "3"],
];

/// Runs a command in the environment `test`; returns exit code and output.
fn run(arguments: &[&str], settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut process = Process::spawn(&[arguments, &["--env", "test"]].concat(), settings, &[]);
    let code = process.exit_code(TIME_LIMIT);
    let made: Vec<_> = fs::read_dir(process.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let is_log = |name: &std::ffi::OsString| name == "stdout" || name == "stderr";
    assert!(made.iter().all(is_log) || code == Some(0), "{arguments:?} made {made:?}");
    (code, process.output())
}

fn assert_no_shop(database: &str, told: &[&str]) {
    let settings = [("database.url", database), ("database.migrate_on_start", "false")];
    for arguments in READING.into_iter().chain(WRITING) {
        let (code, said) = run(arguments, &settings);
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        for told in told.iter().chain(&["go-commerce migrate", "database.url"]) {
            assert!(said.contains(told), "{arguments:?} does not tell {told}: {said}");
        }
        assert!(!said.contains("Internal Server Error"), "{arguments:?}: {said}");
    }
}

pub(crate) fn without_a_shop_a_command_says_where_it_looked_and_makes_nothing() -> Result<(), String> {
    assert_no_shop("sqlite://data/shop.db", &["sqlite://data/shop.db", "there is no file /", "/data/shop.db"]);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    fs::write(&path, "").unwrap();
    let url = format!("sqlite://{}", path.display());
    assert_no_shop(&url, &[&url, "was never migrated"]);
    assert_eq!(fs::metadata(&path).unwrap().len(), 0, "the file is as it was");

    let older = TestDatabase::migrated(DatabaseKind::Sqlite);
    older.execute("DELETE FROM __diesel_schema_migrations WHERE version > '20261123000002'");
    assert_no_shop(older.url(), &[older.url(), "is older than this binary"]);
    Ok(())
}

fn assert_no_shop_on(kind: DatabaseKind) -> Result<(), String> {
    kind.available()?;
    let database = TestDatabase::empty(kind);
    assert_no_shop(database.url(), &["was never migrated"]);
    let (server, rest) = database.url().rsplit_once('/').unwrap();
    let parameters = rest.split_once('?').map(|(_, parameters)| format!("?{parameters}")).unwrap_or_default();
    assert_no_shop(&format!("{server}/no_such_shop{parameters}"), &["/no_such_shop", "cannot be reached: "]);
    Ok(())
}

pub(crate) fn without_a_shop_a_command_says_where_it_looked_on_postgresql() -> Result<(), String> {
    assert_no_shop_on(DatabaseKind::Postgres)
}

pub(crate) fn without_a_shop_a_command_says_where_it_looked_on_mariadb() -> Result<(), String> {
    assert_no_shop_on(DatabaseKind::Mariadb)
}

pub(crate) fn without_a_shop_a_command_says_where_it_looked_on_mysql() -> Result<(), String> {
    assert_no_shop_on(DatabaseKind::Mysql)
}

pub(crate) fn what_is_not_there_is_told() -> Result<(), String> {
    DatabaseKind::ALL.into_iter().filter(|kind| kind.available().is_ok()).for_each(assert_not_there);
    Ok(())
}

fn assert_not_there(kind: DatabaseKind) {
    let database = TestDatabase::migrated(kind);
    let settings = [("database.url", database.url())];
    for (arguments, told) in [
        (&["payment", "explain", NOTHING][..], "there is no payment"),
        (&["payment", "reconcile", NOTHING], "there is no payment"),
        (&["payment", "explain", "GC-1000-1000-1000"], "there is no payment GC-1000-1000-1000"),
        (&["payment", "reconcile", "GC-1000-1000-1000"], "there is no payment GC-1000-1000-1000"),
        (&["outbox", "retry", NOTHING], "there is no mail"),
        (&["audit-log", "--id", NOTHING], "there is no product and no mail"),
        (&["audit-log", "--id", "nonsense"], "there is no product and no mail"),
        (&["audit-log", "--email", "nobody@example.com"], "nobody has the e-mail address nobody@example.com"),
        (&["unlock", "nobody@example.com"], "nobody has the e-mail address nobody@example.com"),
    ] {
        let (code, said) = run(arguments, &settings);
        assert!(code == Some(1) && said.contains(told), "{arguments:?} ended with {code:?}: {said}");
    }
    for arguments in [&["audit-log"][..], &["outbox", "list"], &["outbox", "retry"], &["payment", "reconcile"]] {
        let (code, said) = run(arguments, &settings);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
    }
}

pub(crate) fn seeding_tells_how_many_products_the_shop_has() -> Result<(), String> {
    let database = TestDatabase::migrated(DatabaseKind::Sqlite);
    let settings = [("database.url", database.url())];
    for (products, told) in [
        ("30", "added 30 products and 4 accounts"),
        ("20", "added 0 products and 0 accounts"),
        ("30", "added 0 products and 0 accounts"),
    ] {
        let (code, said) = run(&["seed", "--products", products], &settings);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(told) && said.contains("the shop now has 30 products"), "{products}: {said}");
    }
    let (code, said) = run(&["unlock", "Buyer@example.com"], &settings);
    assert!(code == Some(0) && said.contains("had no failed log-ins"), "{said}");
    let product = database.texts("SELECT id AS value FROM products LIMIT 1").remove(0);
    let (code, said) = run(&["audit-log", "--id", &product.to_uppercase()], &settings);
    assert!(code == Some(0) && said.contains("0 entries"), "{said}");
    Ok(())
}

/// A command in a folder, with an empty environment.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(path());
    command.args(arguments).current_dir(folder).env_clear().stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn outcome(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

pub(crate) fn what_cannot_be_written_is_a_failure() -> Result<(), String> {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        return Err("/dev/full".to_owned());
    };
    let database = TestDatabase::migrated(DatabaseKind::Sqlite);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("database.url={}", database.url());
    for arguments in [
        &["openapi"][..],
        &["config", "show"],
        &["config", "check"],
        &["migrate"],
        &["audit"],
        &["audit-log"],
        &["outbox", "list"],
        &["outbox", "retry"],
        &["payment", "reconcile"],
        &["seed", "--products", "1"],
        &["--help"],
        &["outbox", "--help"],
        &["--version"],
    ] {
        let arguments = [arguments, &["--env", "test", "--set", &url]].concat();
        let (code, _, told) = outcome(command(folder.path(), &arguments).stdout(full.try_clone().unwrap()));
        assert_eq!(code, Some(1), "{arguments:?}: {told}");
        assert!(told.contains("the output could not be written: No space left on device"), "{arguments:?}: {told}");
    }
    // A closed pipe, as after `head`, is not a failure.
    for arguments in [&["openapi"][..], &["config", "show"], &["--help"]] {
        let mut child = command(folder.path(), arguments).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()), "{arguments:?}");
    }
    // An error that cannot be written must not become a panic.
    let (code, _, _) = outcome(command(folder.path(), &["config", "check", "--set", "rest.port=x"]).stderr(full));
    assert_eq!(code, Some(2));
    Ok(())
}

pub(crate) fn the_check_and_the_server_say_the_same() -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::create_dir_all(at("templates/buyer")).unwrap();
    fs::write(at("templates/buyer/success.txt"), "{{ nonsense }}").unwrap();
    fs::write(at("file"), "").unwrap();
    let (templates, journal) = (at("templates"), at("file/simulator.jsonl"));
    let images = format!("file://{}", at("file/images"));
    let (no_file, in_no_folder) = (format!("sqlite://{}", at("templates")), format!("sqlite://{}", at("file/shop.db")));
    for (key, value) in [
        ("mail.from", "Toko <toko@>"),
        ("mail.from", "Toko <toko@127.0.0.1>"),
        ("mail.domain", "shop_example"),
        ("mail.templates", &templates),
        ("payment.simulator.journal", &journal),
        ("database.url", "sqlite://file:x.db"),
        ("database.url", "sqlite://file::memory:"),
        ("database.url", "sqlite://:memory:"),
        ("database.url", &no_file),
        ("database.url", &in_no_folder),
        ("database.url", "postgres://localhost/shop?pgbouncer=true"),
        ("cors.allowed_origins", "https://[::1"),
        ("storage.url", "file://"),
        ("storage.url", &images),
    ] {
        let setting = format!("{key}={value}");
        let told = |subcommand: &[&str]| {
            let arguments = [subcommand, &["--env", "test", "--set", &setting]].concat();
            outcome(&mut command(folder.path(), &arguments))
        };
        let (checked, served) = (told(&["config", "check"]), told(&["serve"]));
        assert_eq!((checked.0, served.0), (Some(2), Some(2)), "{setting}: {checked:?} {served:?}");
        assert_eq!(checked.2, served.2, "{setting}");
        assert!(checked.2.contains(&format!("--set {key}: {key}: ")), "{setting}: {}", checked.2);
    }
    let fine = [("mail.from", "Toko, Maju (ID) <toko@bücher.example>"), ("database.url", "sqlite://shop.db\n")];
    let mut process = Process::serve(&fine);
    process.addresses();
    assert!(process.folder().join("shop.db").exists());
    Ok(())
}

pub(crate) fn a_folder_of_ones_own_is_laid_over_what_is_built_in() -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("config")).unwrap();
    fs::write(folder.path().join("config/production.toml"), "[rest]\nport = 8088\n").unwrap();
    fs::write(folder.path().join("secret"), "Rk3vT9wLx2Qm7Zp5Bn8Yc4Hd6Fj1Gs0A\n").unwrap();
    fs::write(folder.path().join("key"), "Mid-server-Qw7Zp5Bn8Yc4Hd6F\n").unwrap();
    let show = |environment: &str| {
        let mut show = command(folder.path(), &["config", "show", "--env", environment]);
        show.env("COMMERCE__AUTH__JWT__SECRET_FILE", "secret").env("COMMERCE__MIDTRANS__SERVER_KEY_FILE", "key");
        show.env("COMMERCE__MAIL__URL", "smtps://mail.example").env("COMMERCE__MAIL__FROM", "shop@shop.example");
        show.env("COMMERCE__CORS__ALLOWED_ORIGINS", "https://a.example,https://b.example");
        outcome(&mut show)
    };
    let (code, shown, told) = show("production");
    assert_eq!(code, Some(0), "{told}");
    for (setting, origin) in [
        ("rest.port = 8088 ", "# config/production.toml:2"),
        ("rest.host = \"0.0.0.0\"", "# built-in production.toml:"),
        ("auth.password.reject_common = true", "# built-in production.toml:"),
        ("log.format = \"json\"", "# built-in production.toml:"),
        ("cors.allowed_origins = [\"https://a.example\", \"https://b.example\"]", "# COMMERCE__CORS__ALLOWED_ORIGINS"),
    ] {
        let line = shown.lines().find(|line| line.starts_with(setting));
        assert!(line.is_some_and(|line| line.contains(origin)), "{setting}:\n{shown}");
    }
    let (code, shown, told) = show("development");
    assert!(code == Some(0) && shown.contains("rest.port = 8081"), "{told}");
    assert!(told.contains("but production.toml, so that nothing of it counts"), "{told}");
    Ok(())
}
