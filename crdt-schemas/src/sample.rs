//! Made-up files in real formats, for the demo and the tests. They say themselves
//! that they are made up.
