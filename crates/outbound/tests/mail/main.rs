//! What the post promises, against a mail server that fails as it is told to, and a folder.
