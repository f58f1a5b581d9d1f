//! Keys, algorithms, certificates, path validation and device identity
