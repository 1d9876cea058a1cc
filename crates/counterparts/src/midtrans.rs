//! Midtrans, as docs.midtrans.com tells of it.
