//! A mail server (RFC 5321).
