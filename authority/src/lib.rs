//! What issues: the certificate authority and the MASA
