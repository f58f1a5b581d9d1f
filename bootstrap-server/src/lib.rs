//! The owner side: RESTCONF for devices, store, audit
