//! Dates and times as carriers write them, and what they mean.

use jiff::civil;
use jiff::tz::TimeZone;

use super::month::month_of;
use crate::klog::cursor::Cursor;
use crate::klog::line::{Line, ShownTime};

/// A time as a carrier shows it: some of its parts may not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    /// Nanoseconds since 1970, UTC.
    Epoch(i64),
    /// Date and time of day.
    Civil {
        /// Absent in RFC 3164 and its like.
        year: Option<i16>,
        /// Absent where the month has a name that is not known.
        month: Option<i8>,
        day: i8,
        hour: i8,
        minute: i8,
        second: i8,
        nanosecond: i32,
        /// Seconds east of UTC, where the text says so.
        offset: Option<i32>,
    },
}

/// What the text does not say.
#[derive(Clone, Debug, Default)]
pub(super) struct Assumed {
    pub(super) zone: Option<TimeZone>,
    pub(super) year: Option<i16>,
    last_month: Option<i8>,
}

impl Assumed {
    pub(super) fn new(zone: Option<TimeZone>, year: Option<i16>) -> Self {
        Self {
            zone,
            year,
            last_month: None,
        }
    }

    /// Gives `line` the time `stamp`, as far as it is known.
    pub(super) fn stamp(&mut self, line: &mut Line, stamp: Stamp) {
        match self.realtime_ns(stamp) {
            Some(ns) => line.realtime_ns = Some(ns),
            None => line.shown_time = stamp.shown().or(line.shown_time),
        }
    }

    /// `stamp` in nanoseconds since 1970; none if year, month or zone are known from nowhere.
    pub(super) fn realtime_ns(&mut self, stamp: Stamp) -> Option<i64> {
        let Stamp::Civil {
            year,
            month,
            day,
            hour,
            minute,
            second,
            nanosecond,
            offset,
        } = stamp
        else {
            let Stamp::Epoch(ns) = stamp else { return None };
            return Some(ns);
        };
        let month = month?;
        let year = match year {
            Some(year) => year,
            None => self.year_of(month)?,
        };
        // A leap second is the second before it.
        let date = civil::Date::new(year, month, day).ok()?;
        let time = civil::Time::new(hour, minute, second.min(59), nanosecond).ok()?;
        let zone = match offset {
            Some(seconds) => TimeZone::fixed(jiff::tz::Offset::from_seconds(seconds).ok()?),
            None => self.zone.clone()?,
        };
        let time = zone.to_timestamp(date.to_datetime(time)).ok()?;
        i64::try_from(time.as_nanosecond()).ok()
    }

    /// The year of a line in `month`: the log goes on, so December is followed by next year.
    fn year_of(&mut self, month: i8) -> Option<i16> {
        let year = self.year.as_mut()?;
        if self.last_month == Some(12) && month == 1 {
            *year = year.saturating_add(1);
        } else if self.last_month == Some(1) && month == 12 {
            // Newest first, or a late line.
            *year = year.saturating_sub(1);
        }
        self.last_month = Some(month);
        Some(*year)
    }
}

impl Stamp {
    /// A date and a time of day, where both are shown.
    fn shown(self) -> Option<ShownTime> {
        let Self::Civil {
            year,
            month: Some(month),
            day,
            hour,
            minute,
            second,
            ..
        } = self
        else {
            return None;
        };
        (month > 0 && day > 0).then_some(ShownTime {
            year,
            month,
            day,
            time: (hour, minute, second),
        })
    }

    /// Any of the forms at the beginning of a line.
    pub(super) fn take(cursor: &mut Cursor<'_>) -> Option<Self> {
        let first = cursor.peek()?;
        if first.is_ascii_digit() {
            try_take(cursor, iso).or_else(|| try_take(cursor, epoch))
        } else if first.is_ascii_alphabetic() || first >= 0x80 {
            try_take(cursor, weekday_iso).or_else(|| try_take(cursor, by_month))
        } else {
            None
        }
    }

    /// `MM-DD HH:MM:SS.mmm`, as Android's logcat prints it.
    pub(super) fn take_month_day(cursor: &mut Cursor<'_>) -> Option<Self> {
        try_take(cursor, |cursor| {
            let month = small(cursor, 12)?;
            let day = cursor.eat(b"-").then(|| small(cursor, 31))??;
            if !cursor.eat(b" ") {
                return None;
            }
            let (hour, minute, second, nanosecond) = time_of_day(cursor)?;
            Some(Self::Civil {
                year: None,
                month: Some(month),
                day,
                hour,
                minute,
                second,
                nanosecond,
                offset: None,
            })
        })
    }

    /// What `date` prints, in whatever language: it has a time of day in it.
    pub(super) fn within(text: &[u8]) -> Option<Self> {
        let mut cursor = Cursor(text);
        cursor.blanks();
        if let Some(stamp) = Self::take(&mut cursor) {
            return Some(stamp);
        }
        loose(text)
    }
}

/// Takes nothing if `form` does not fit.
fn try_take(
    cursor: &mut Cursor<'_>,
    form: impl FnOnce(&mut Cursor<'_>) -> Option<Stamp>,
) -> Option<Stamp> {
    let mut ahead = *cursor;
    let stamp = form(&mut ahead)?;
    *cursor = ahead;
    Some(stamp)
}

/// `HH:MM:SS`, with a fraction behind `.` or `,`.
fn time_of_day(cursor: &mut Cursor<'_>) -> Option<(i8, i8, i8, i32)> {
    let hour = small(cursor, 23)?;
    let minute = cursor.eat(b":").then(|| small(cursor, 59))??;
    let second = cursor.eat(b":").then(|| small(cursor, 60))??;
    let mut nanosecond = 0;
    let mut ahead = *cursor;
    if (ahead.eat(b".") || ahead.eat(b","))
        && let Some(fraction) = ahead.nanoseconds()
    {
        nanosecond = i32::try_from(fraction).ok()?;
        *cursor = ahead;
    }
    Some((hour, minute, second, nanosecond))
}

fn small(cursor: &mut Cursor<'_>, max: i8) -> Option<i8> {
    let number = i8::try_from(cursor.number(2)?).ok()?;
    (number <= max).then_some(number)
}

/// `2024-05-26T06:17:40.123456+02:00` and what is like it.
fn iso(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let (year, month, day) = ymd(cursor)?;
    if !(cursor.eat(b"T") || cursor.eat(b" ")) {
        return None;
    }
    let (hour, minute, second, nanosecond) = time_of_day(cursor)?;
    Some(Stamp::Civil {
        year: Some(year),
        month: Some(month),
        day,
        hour,
        minute,
        second,
        nanosecond,
        offset: offset(cursor),
    })
}

fn ymd(cursor: &mut Cursor<'_>) -> Option<(i16, i8, i8)> {
    let year = cursor.digits(4).filter(|digits| digits.len() == 4)?;
    let year = Cursor(year).number(4)?;
    let month = cursor.eat(b"-").then(|| small(cursor, 12))??;
    let day = cursor.eat(b"-").then(|| small(cursor, 31))??;
    Some((i16::try_from(year).ok()?, month, day))
}

/// `Z`, `+02:00`, `+0200`, `+02`, ` UTC`.
fn offset(cursor: &mut Cursor<'_>) -> Option<i32> {
    if cursor.eat(b"Z") || cursor.eat(b" UTC") {
        return Some(0);
    }
    let mut ahead = *cursor;
    let sign = if ahead.eat(b"+") {
        1
    } else if ahead.eat(b"-") {
        -1
    } else {
        return None;
    };
    let digits = ahead.digits(4)?;
    let (hours, minutes) = match digits.len() {
        4 => (
            Cursor(digits.get(..2)?).number(2)?,
            Cursor(digits.get(2..)?).number(2)?,
        ),
        2 => {
            let hours = Cursor(digits).number(2)?;
            let minutes = ahead.eat(b":").then(|| ahead.number(2)).flatten();
            (hours, minutes.unwrap_or(0))
        }
        _ => return None,
    };
    *cursor = ahead;
    let seconds = hours.checked_mul(3600)?.checked_add(minutes * 60)?;
    Some(sign * i32::try_from(seconds).ok()?)
}

/// `Mon 2024-05-26 06:17:40 CEST`, as journald's `short-full`.
fn weekday_iso(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    name(cursor)?;
    if cursor.blanks() == 0 {
        return None;
    }
    let stamp = iso(cursor)?;
    // A zone's letters say nothing certain, except for these (which `offset` has taken).
    let mut ahead = *cursor;
    if ahead.eat(b" ") {
        let zone = ahead.word();
        if (2..=5).contains(&zone.len()) && zone.iter().all(u8::is_ascii_uppercase) {
            *cursor = ahead;
        }
    }
    Some(stamp)
}

/// `Jun 20 12:47:02`, `Wed Mar 13 11:16:48 2024`, `Jun 20 2024 12:47:02`, in any language.
fn by_month(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let first = name(cursor)?;
    cursor.blanks();
    let mut ahead = *cursor;
    let second = name(&mut ahead).filter(|_| ahead.blanks() > 0);
    let month_name = match second {
        Some(second) => {
            *cursor = ahead;
            second
        }
        None => first,
    };
    let day = small(cursor, 31).filter(|day| *day > 0)?;
    if cursor.blanks() == 0 {
        return None;
    }
    let mut ahead = *cursor;
    let mut year = None;
    if let Some(digits) = ahead.digits(4).filter(|digits| digits.len() == 4)
        && ahead.blanks() > 0
    {
        year = Cursor(digits).number(4);
        *cursor = ahead;
    }
    let (hour, minute, second, nanosecond) = time_of_day(cursor)?;
    let mut ahead = *cursor;
    if year.is_none()
        && ahead.blanks() > 0
        && let Some(digits) = ahead.digits(4).filter(|digits| digits.len() == 4)
        && matches!(ahead.peek(), None | Some(b' ' | b']'))
    {
        year = Cursor(digits).number(4).filter(|year| *year > 1969);
        if year.is_some() {
            *cursor = ahead;
        }
    }
    Some(Stamp::Civil {
        year: year.and_then(|year| i16::try_from(year).ok()),
        month: month_of(month_name),
        day,
        hour,
        minute,
        second,
        nanosecond,
        offset: None,
    })
}

/// The name of a day or a month, which may begin with digits (`12月`) or end with a dot.
fn name<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = cursor
        .0
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'.' || **byte >= 0x80)
        .count();
    let word = cursor.0.get(..length)?;
    let letters = word
        .iter()
        .any(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80);
    if !(2..=14).contains(&length) || !letters {
        return None;
    }
    cursor.take(length)
}

/// `1467859434.123456`: seconds since 1970.
fn epoch(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let digits = cursor.digits(10).filter(|digits| digits.len() >= 9)?;
    let seconds = Cursor(digits).number(10)?;
    let mut ns = 0;
    let mut ahead = *cursor;
    if ahead.eat(b".")
        && let Some(fraction) = ahead.nanoseconds()
    {
        ns = fraction;
        *cursor = ahead;
    }
    if !matches!(cursor.peek(), Some(b' ' | b']')) {
        return None;
    }
    let ns = seconds.checked_mul(1_000_000_000)?.checked_add(ns)?;
    Some(Stamp::Epoch(i64::try_from(ns).ok()?))
}

/// A date in brackets whose order of words is that of a language unknown here: what can be told.
fn loose(text: &[u8]) -> Option<Stamp> {
    let mut time = None;
    let mut year = None;
    let mut day = None;
    let mut month = None;
    for word in text.split(|byte| matches!(byte, b' ' | b'\t')) {
        let mut cursor = Cursor(word);
        if word.len() >= 8
            && let Some(found) = time_of_day(&mut cursor)
        {
            time = Some(found);
        } else if let Some(number) = crate::klog::cursor::whole_number(word) {
            match word.len() {
                4 => year = i16::try_from(number).ok(),
                1 | 2 => day = i8::try_from(number).ok(),
                _ => {}
            }
        } else if let Some(found) = month_of(word) {
            month = Some(found);
        }
    }
    let (hour, minute, second, nanosecond) = time?;
    Some(Stamp::Civil {
        year,
        month,
        day: day.unwrap_or(0),
        hour,
        minute,
        second,
        nanosecond,
        offset: None,
    })
}

#[cfg(test)]
mod tests;
