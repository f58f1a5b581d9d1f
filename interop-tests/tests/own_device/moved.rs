//! A device that is switched on again, and one that is carried to another network.
