//! Points in time as Debian's index files write them, and as messages show them.
//!
//! A time is a count of seconds since 1970-01-01 00:00:00 UTC, without leap seconds.

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const DAY: i64 = 24 * 60 * 60;

/// Reads `Sat, 21 Nov 2026 09:15:44 UTC`, the only form in which a Release file may write a time
/// (Debian wiki, "DebianRepository/Format", "Date, Valid-Until"): RFC 5322, section 3.3, in UTC.
/// The zone may also be spelled `GMT` or `+0000`. Any other zone gives `None`, as does a day that
/// is not in the calendar.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let mut words = text.split(' ');
    let weekday = words.next()?.strip_suffix(',')?;
    let day = number(words.next()?, 1..=2)?;
    let month = words.next()?;
    let year = number(words.next()?, 4..=4)?;
    // Ubuntu's archive writes an hour of one digit with a second space before it.
    let (clock, digits) = match words.next()? {
        "" => (words.next()?, 1..=1),
        clock => (clock, 2..=2),
    };
    let mut clock = clock.split(':');
    let hour = number(clock.next()?, digits)?;
    let minute = number(clock.next()?, 2..=2)?;
    let second = number(clock.next()?, 2..=2)?;
    let zone = words.next()?;

    let ends_here = clock.next().is_none() && words.next().is_none();
    let utc = matches!(zone, "UTC" | "GMT" | "+0000");
    if !ends_here || !utc || !WEEKDAYS.contains(&weekday) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let month = (1..).zip(MONTHS).find(|&(_, name)| name == month)?.0;
    let days = days_from_civil(year, month, day);
    // A day that the month does not have comes back as another one.
    if civil_from_days(days) != (year, month, day) {
        return None;
    }
    Some(days * DAY + hour * 3600 + minute * 60 + second)
}

fn number(digits: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<i64> {
    if !lengths.contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Writes a time as `2026-11-21 09:15:44 UTC`.
pub(crate) fn format(seconds: i64) -> String {
    let (year, month, day) = civil_from_days(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// The seconds since 1970 of a clock's reading; 0 for a clock that stands before it. There is room
/// for arithmetic above the highest value.
pub(crate) fn unix_seconds(time: std::time::SystemTime) -> i64 {
    let highest = i64::MAX / 4;
    time.duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(highest))
        .min(highest)
}

// Years are counted from March, so that the leap day is a year's last; 400 years have 146097 days.
const DAYS_PER_ERA: i64 = 146_097;
/// The days between 0000-03-01 and 1970-01-01.
const EPOCH: i64 = 719_468;

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - EPOCH
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    // Far outside of what any calendar is used for; keeps the arithmetic below from overflowing.
    let days = days.clamp(-DAYS_PER_ERA * 100, DAYS_PER_ERA * 100) + EPOCH;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_release_files_write() {
        // `date -u -d '…' +%s` gave these numbers.
        assert_eq!(parse("Sat, 21 Nov 2026 09:15:44 UTC"), Some(1_795_252_544));
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(
            parse("Thu, 29 Feb 2024 23:59:59 +0000"),
            Some(1_709_251_199)
        );
        assert_eq!(parse("Sun, 1 Mar 2020 00:00:00 UTC"), Some(1_583_020_800));
        assert_eq!(parse("Fri, 27 Nov 2026  3:16:34 UTC"), Some(1_795_749_394));
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "Sat, 21 Nov 2026 09:15:44",
            "Sat, 21 Nov 2026 09:15:44 CET",
            "Sat, 21 Nov 2026 09:15:44 +0100",
            "Sat, 21 Nov 2026 09:15:44 UTC UTC",
            "Sat, 21 Nov 2026 09:15:44:00 UTC",
            "Sat, 21 Nov 2026 09:15 UTC",
            "Sat 21 Nov 2026 09:15:44 UTC",
            "Sam, 21 Nov 2026 09:15:44 UTC",
            "Sat, 21 Nov 26 09:15:44 UTC",
            "Sat, 31 Nov 2026 09:15:44 UTC",
            "Sat, 29 Feb 2026 09:15:44 UTC",
            "Sat, 00 Nov 2026 09:15:44 UTC",
            "Sat, 21 Nov 2026 24:15:44 UTC",
            "Sat, 21 Nov 2026 09:60:44 UTC",
            "Sat, 21 Nov 2026 09:15:60 UTC",
            "Sat,  21 Nov 2026 09:15:44 UTC",
            "Sat, 21 Nov 2026  09:15:44 UTC",
            "Sat, 21 Nov 2026 9:15:44 UTC",
            "Sat, +1 Nov 2026 09:15:44 UTC",
            "2026-11-21T09:15:44Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn clocks_may_stand_anywhere() {
        use std::time::{Duration, UNIX_EPOCH};
        assert_eq!(unix_seconds(UNIX_EPOCH + Duration::from_secs(5)), 5);
        assert_eq!(unix_seconds(UNIX_EPOCH - Duration::from_secs(5)), 0);
        if let Some(late) = UNIX_EPOCH.checked_add(Duration::from_secs(i64::MAX.unsigned_abs())) {
            assert!(unix_seconds(late).checked_add(unix_seconds(late)).is_some());
        }
    }

    #[test]
    fn shows_times() {
        assert_eq!(format(1_795_252_544), "2026-11-21 09:15:44 UTC");
        assert_eq!(format(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(format(-1), "1969-12-31 23:59:59 UTC");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in 0i64..253_402_300_800) {
            let (year, month, day) = civil_from_days(seconds.div_euclid(DAY));
            let second = seconds.rem_euclid(DAY);
            let month = MONTHS[usize::try_from(month - 1).unwrap()];
            let text = format!(
                "Mon, {day:02} {month} {year:04} {:02}:{:02}:{:02} UTC",
                second / 3600, second / 60 % 60, second % 60
            );
            prop_assert_eq!(parse(&text), Some(seconds));
        }

        #[test]
        fn never_panics(text in ".{0,60}", seconds: i64) {
            parse(&text);
            format(seconds);
        }
    }
}
