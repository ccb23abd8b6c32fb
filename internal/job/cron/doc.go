// Package cron tells when a cron expression is due in a time zone.
//
// # Expressions
//
// An expression has five fields: minute (0-59), hour (0-23), day of the month (1-31), month (1-12 or JAN-DEC) and weekday
// (0-7 or SUN-SAT, where 0 and 7 are Sunday). A field is a list of numbers, names, ranges and steps, such as 1,15,20-30/2 or
// */5. The names @hourly, @daily (@midnight), @weekly, @monthly and @yearly (@annually) stand for whole expressions.
//
// As in the cron of Vixie and ISC, a field with a * is unrestricted. If both day fields are restricted, a day needs to match
// only one of them: 0 0 13 * FRI is due on each 13th and on each Friday. If one of them has a *, a day must match both:
// 0 0 */2 * MON is due on Mondays with an odd date.
//
// # Changes of the clock
//
// The rules are from ISC cron: its manual page cron(8) names them, and the loop of its daemon says them exactly. An
// expression follows the clock if its minute or its hour has a *, also with a step, and so does @hourly. Any other
// expression is fixed: it names times of the day, and each of them counts once a day.
//
//   - An expression that follows the clock is due whenever the clock shows one of its times. It skips times that the clock
//     skips, and it is due again at times that the clock shows again.
//   - A fixed expression with a time that the clock skips is due right after the change, at the first moment of the new
//     time. It is due there once, however many of its times were skipped.
//   - A fixed expression is due at the first of two moments that the clock shows alike, and not at the second.
//   - A change of more than three hours is a correction of the calendar, such as in Samoa, where 30 December 2011 did not
//     exist. Then every expression is due when the clock shows one of its times: what was skipped is not made up for, and
//     what is shown again is due again.
//   - It does not matter why the clock changes: for summer, for winter, or because a country moves to another zone for good.
//
// So no moment has two runs, and a run is known by its job and its moment.
//
// The daemon differs in three ways. After a change it starts a fixed job once for each time that was skipped. It takes a change
// forward by exactly three hours for a correction. It runs all jobs of the minutes that a change of up to five minutes skips;
// no zone has made such a change since 1970.
//
// A clock that somebody sets by hand has no part in these rules, because a run is a moment in UTC. See [Schedule.Due] for a
// clock that goes back.
package cron
