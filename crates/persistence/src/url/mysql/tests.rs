//! What URLs of MySQL and MariaDB become, and which are refused.

use super::*;

#[test]
fn what_diesel_takes_is_taken() {
    for url in [
        "localhost/shop",
        "shop:w%40rd@db.example:3306/shop",
        "shop@localhost/shop?unix_socket=%2Frun%2Fmysqld%2Fmysqld.sock",
        "shop@localhost/shop?unix_socket=/run/mysqld/mysqld.sock&ssl_mode=preferred",
        "shop@[::1]:3306/shop",
        "shop@db.example/shop?ssl_mode=required&ssl_cert=/etc/shop.pem&ssl_key=/etc/shop.key",
        "shop@db.example/shop?ssl_mode=VERIFY_IDENTITY&ssl_ca=/etc/ca.pem",
    ] {
        check(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    }
}

#[test]
fn what_diesel_would_drop_is_refused_by_name() {
    for (url, told) in [
        ("localhost/shop?sslmode=require", "sslmode (it is written ssl_mode)"),
        ("localhost/shop?ssl-mode=REQUIRED", "ssl-mode (it is written ssl_mode)"),
        ("localhost/shop?useSSL=true", "useSSL (write ssl_mode=required"),
        ("localhost/shop?tls=skip-verify", "tls (write ssl_mode=required"),
        ("localhost/shop?charset=utf8mb4&parseTime=true", "charset (leave it out: all texts are UTF-8); parseTime"),
        ("localhost/shop?connection_limit=5", "connection_limit (set database.pool_size"),
        ("localhost/shop?ssl_mode=on", "ssl_mode (it is one of disabled, preferred"),
        ("localhost/shop?ssl_mode=required&ssl_mode=disabled", "ssl_mode (it is there twice)"),
        ("localhost/shop?ssl_mode=verify_identity&ssl_ca=", "ssl_ca (it is empty)"),
        ("localhost/shop?colour=red", "colour (nobody knows it; leave it out)"),
    ] {
        let error = check(url).unwrap_err().to_string();
        assert!(error.contains(told), "{url}: {error}");
    }
}

#[test]
fn what_would_not_be_kept_is_refused_by_name() {
    for (url, told) in [
        ("db.example/shop?ssl_ca=/ca.pem", "ssl_ca (it says whose certificates are trusted, but none is checked"),
        ("db.example/shop?ssl_ca=/ca.pem&ssl_mode=required", "ssl_ca (it says whose"),
        ("db.example/shop?ssl_cert=/a.pem&ssl_mode=preferred", "ssl_cert (it is sent over TLS alone"),
        ("db.example/shop?ssl_key=/a.pem", "ssl_key (it is sent over TLS alone"),
        ("db.example/shop?unix_socket=/run/a.sock", "unix_socket (the host has to be localhost)"),
        ("localhost/shop?unix_socket=/run/a.sock&ssl_mode=required", "ssl_mode (a socket does not leave"),
    ] {
        for client in [Client::Mariadb, Client::Mysql] {
            let told_of = |told: Result<Checked, OpenError>| told.map(drop).unwrap_err().to_string();
            let error = told_of(read(url, client, false));
            assert!(error.contains(told), "{url}: {error}");
        }
    }
    for (url, checks_nobody, told) in [
        ("db.example/shop?ssl_mode=verify_ca&ssl_ca=/ca.pem", false, "write ssl_mode=verify_identity"),
        ("db.example/shop?ssl_mode=verify_identity", true, "MARIADB_TLS_DISABLE_PEER_VERIFICATION says"),
        ("[fd00::7]/shop?ssl_mode=required", false, "give one"),
    ] {
        let error = read(url, Client::Mariadb, checks_nobody).map(drop).unwrap_err().to_string();
        assert!(error.contains("ssl_mode (") && error.contains(told), "{url}: {error}");
        assert!(read(url, Client::Mysql, checks_nobody).is_ok(), "{url}");
    }
}

#[test]
fn what_is_asked_of_tls_reaches_each_client_library() {
    let rewritten = |url: &str, client| {
        let Rewritten { url, must_prove_tls, .. } = rewritten(read(url, client, false).unwrap(), client).unwrap();
        (url, must_prove_tls)
    };
    for (mode, options, must_prove) in [
        ("Disabled", "ssl-enforce=0;ssl-verify-server-cert=0", false),
        ("preferred", "ssl-enforce=1;ssl-verify-server-cert=0", false),
        ("REQUIRED", "ssl-enforce=1;ssl-verify-server-cert=0", true),
        ("verify_identity", "ssl-enforce=1;ssl-verify-server-cert=1", true),
    ] {
        let url = format!("shop:w%40rd@db.example:3307/shop?ssl_mode={mode}");
        let expected = format!("mysql://shop:w%40rd@host=db.example;{options}:3307/shop");
        assert_eq!(rewritten(&url, Client::Mariadb), (expected, must_prove));
        assert_eq!(rewritten(&url, Client::Mysql), (format!("mysql://{url}"), must_prove));
    }
    let (url, _) = rewritten("db.example/shop?ssl_mode=verify_identity&ssl_ca=/a%20b.pem", Client::Mariadb);
    assert!(url.ends_with("ssl-verify-server-cert=1/shop?ssl_ca=%2Fa+b.pem"), "{url}");
    for url in ["[fd00::7]:3307/shop", "localhost/shop"] {
        assert_eq!(rewritten(url, Client::Mariadb), (format!("mysql://{url}"), false));
    }
    let socket = "localhost/shop?unix_socket=/run/a.sock&ssl_mode=preferred";
    let kept = ("mysql://localhost/shop?unix_socket=%2Frun%2Fa.sock".to_owned(), false);
    assert_eq!(rewritten(socket, Client::Mariadb), kept);
}

#[test]
fn without_a_mode_tls_is_preferred_and_an_older_library_does_without() {
    let rewritten = |url: &str, client| rewritten(read(url, client, false).unwrap(), client).unwrap();
    let url = "shop@db.example:3307/shop";
    let preferred = Rewritten {
        url: "mysql://shop@host=db.example;ssl-enforce=1;ssl-verify-server-cert=0:3307/shop".to_owned(),
        must_prove_tls: false,
        without_options: Some(format!("mysql://{url}")),
        database: None,
    };
    assert_eq!(rewritten(url, Client::Mariadb), preferred);
    let kept =
        Rewritten { url: format!("mysql://{url}"), must_prove_tls: false, without_options: None, database: None };
    assert_eq!(rewritten(url, Client::Mysql), kept);
    for mode in ["disabled", "preferred", "required", "verify_identity"] {
        assert_eq!(rewritten(&format!("{url}?ssl_mode={mode}"), Client::Mariadb).without_options, None, "{mode}");
    }
}

#[test]
fn a_name_that_diesel_would_not_decode_is_selected_by_each_session() {
    for client in [Client::Mariadb, Client::Mysql] {
        for (written, name) in [
            ("sch%C3%B6n", "schön"),
            ("schön", "schön"),
            ("sh%20op", "sh op"),
            ("100%25", "100%"),
            ("%23x", "#x"),
            ("a%2Fb", "a/b"),
            ("o%27brien%60", "o'brien`"),
        ] {
            let url = format!("shop@db.example/{written}?ssl_mode=required");
            let Rewritten { url, database, .. } = rewritten(read(&url, client, false).unwrap(), client).unwrap();
            assert_eq!(database.as_deref(), Some(name), "{written}");
            assert!(url.split('?').next().unwrap().ends_with('/'), "{url}");
        }
        for written in ["shop", "100%", "a@b:c", "o'brien"] {
            let url = format!("shop@db.example/{written}");
            let Rewritten { url, database, .. } = rewritten(read(&url, client, false).unwrap(), client).unwrap();
            assert!(database.is_none() && url.ends_with(&format!("/{written}")), "{url}");
        }
    }
}

#[test]
fn a_name_that_no_server_takes_is_refused() {
    for (written, told) in [
        ("shop%FF", "not UTF-8"),
        ("shop%00", "a control character"),
        ("shop%20", "ends with a space"),
        ("%F0%9F%AB%96", "above U+FFFF"),
    ] {
        let error = check(&format!("localhost/{written}")).unwrap_err().to_string();
        assert!(error.contains(told), "{written}: {error}");
    }
}

#[test]
fn what_may_go_to_another_machine_in_the_clear_is_known() {
    for url in [
        "localhost/shop",
        "u:p@127.0.0.1:3306/shop",
        "[::1]/shop",
        "localhost/shop?unix_socket=/run/a.sock",
        "db.example/shop?ssl_mode=required",
        "db.example/shop?ssl_mode=verify_identity",
    ] {
        assert!(!may_be_plaintext(url), "{url}");
    }
    for url in [
        "db.example/shop",
        "10.0.0.7/shop",
        "[fd00::7]/shop",
        "db.example/shop?ssl_mode=preferred",
        "db.example/shop?ssl_mode=disabled",
    ] {
        assert!(may_be_plaintext(url), "{url}");
    }
}

#[test]
fn what_diesel_cannot_read_is_refused_without_being_repeated() {
    for url in [
        "",
        "/shop",
        "localhost:65536/shop",
        "localhost:0/shop",
        "localhost",
        "localhost/",
        "localhost/shop/more",
        "db.example;init-command=cret/shop",
        "db.example,other.cret/shop",
        "shop:s3%40cret%2Flocalhost/shop",
        "shop:s3#cret@localhost/shop",
        "shop:s3/cret@localhost/shop",
        "shop:s3?cret@localhost/shop",
        "1?s3cret=4@localhost/shop",
        "shop:1?s3cret=4@localhost/shop",
    ] {
        let error = check(url).unwrap_err().to_string();
        assert!(!error.contains("cret"), "{url}: {error}");
    }
}
