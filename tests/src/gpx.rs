//! Made-up GPX files. The places do not exist and nobody rode there.

use std::fmt::Write as _;

/// A track to be written as GPX 1.1.
#[derive(Clone, Copy, Debug)]
pub struct Track<'a> {
    /// Its name.
    pub name: &'a str,
    /// What its `type` says, such as `cycling`.
    pub kind: &'a str,
    /// The day it was made: `2026-03-02`.
    pub day: &'a str,
    /// Its hour, 0 to 22.
    pub hour: u32,
    /// About how long it is: points 100 m apart, due north.
    pub hectometres: u32,
}

impl Track<'_> {
    /// The file.
    #[must_use]
    pub fn file(&self) -> String {
        let mut points = String::new();
        for point in 0..=self.hectometres {
            // 100 m of latitude are about 0.0009 degrees; 20 s each are 18 km/h.
            let latitude = 47_000_000 + point * 900;
            let seconds = point * 20;
            writeln!(
                points,
                r#"<trkpt lat="{}.{:06}" lon="-1.500000"><ele>10</ele><time>{}T{:02}:{:02}:{:02}Z</time></trkpt>"#,
                latitude / 1_000_000,
                latitude % 1_000_000,
                self.day,
                self.hour + seconds / 3600,
                seconds / 60 % 60,
                seconds % 60,
            )
            .expect("a String takes everything");
        }
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="Maille tests, made up" xmlns="http://www.topografix.com/GPX/1/1">
<trk><name>{}</name><type>{}</type><trkseg>
{points}</trkseg></trk>
</gpx>
"#,
            self.name, self.kind
        )
    }
}
