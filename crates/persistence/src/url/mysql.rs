//! URLs of MySQL and MariaDB, as Diesel reads them.

use super::{OpenError, foreign};
use ::url::Url;

/// The parameters that Diesel takes; any other it drops without a word.
const PARAMETERS: [&str; 5] = ["unix_socket", "ssl_mode", "ssl_ca", "ssl_cert", "ssl_key"];

/// What `ssl_mode` may be, in any case.
const MODES: [&str; 5] = ["disabled", "preferred", "required", "verify_ca", "verify_identity"];

const ESCAPE: &str = "it has no host, or a port that is none from 1 to 65535; special characters in a user's name or password \
                      need percent-encoding";

/// Whether Diesel takes the URL, of which this is what stands behind the scheme, and takes note of all of it.
pub(super) fn check(rest: &str) -> Result<(), OpenError> {
    let url = Url::parse(&format!("mysql://{rest}")).map_err(|_| OpenError::Unreadable(ESCAPE))?;
    if url.host_str().is_none_or(str::is_empty) || url.port() == Some(0) {
        return Err(OpenError::Unreadable(ESCAPE));
    }
    if url.fragment().is_some() {
        return Err(OpenError::Unreadable("it has a `#` in it; write %23"));
    }
    let mut told = Vec::new();
    for (name, value) in url.query_pairs() {
        let is_mode = || MODES.iter().any(|mode| value.eq_ignore_ascii_case(mode));
        if !PARAMETERS.contains(&&*name) {
            told.push(foreign::told(&name, &PARAMETERS, foreign::MYSQL_ONLY));
        } else if name == "ssl_mode" && !is_mode() {
            told.push(format!("ssl_mode (it is one of {})", MODES.join(", ")));
        }
    }
    if !told.is_empty() {
        // Behind an `@` is the host: what seems a parameter then is a password with a `?` in it.
        let is_password = url.username().is_empty() && rest.contains('@');
        return Err(if is_password { OpenError::Unreadable(ESCAPE) } else { OpenError::Parameters(told) });
    }
    match url.path().trim_start_matches('/') {
        "" => Err(OpenError::Unreadable("it names no database; write one behind the host, as in mysql://host/name")),
        name if name.contains('/') => Err(OpenError::Unreadable("the database's name has a `/` in it")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_diesel_takes_is_taken() {
        for url in [
            "localhost/shop",
            "shop:w%40rd@db.example:3306/shop",
            "shop@localhost/shop?unix_socket=%2Frun%2Fmysqld%2Fmysqld.sock",
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
            ("localhost/shop?colour=red", "colour (nobody knows it; leave it out)"),
        ] {
            let error = check(url).unwrap_err().to_string();
            assert!(error.contains(told), "{url}: {error}");
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
}
