// Weekdays and dates that many days on. Called `calendar_arithmetic` in reasoning-gym. Dates are those of the Gregorian calendar, reckoned in
// UTC, where every day has the same length.

import type { Rng } from '../numeric/rng.ts'
import type { Procedure } from './procedural.ts'
import { gradeItems } from './written.ts'

export type CalendarQuestion =
  | { readonly ask: 'weekday-after'; readonly weekday: number; readonly days: number }
  | { readonly ask: 'date-after'; readonly year: number; readonly day: number; readonly days: number }
  | { readonly ask: 'weekday-of'; readonly year: number; readonly known: number; readonly day: number }

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
const YEARS: readonly [number, number] = [2001, 2099]

const mod = (value: number, n: number): number => ((value % n) + n) % n
/** @param day of the year, 0 for 1 January; others reach into other years */
const dateOf = (year: number, day: number): Date => new Date(Date.UTC(year, 0, 1 + day))
const daysIn = (year: number): number => Math.round((Date.UTC(year + 1, 0, 1) - Date.UTC(year, 0, 1)) / 86_400_000)
const dayAndMonth = (date: Date): string => `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`
const monthAndDay = (date: Date): string => `${MONTHS[date.getUTCMonth()]} ${date.getUTCDate()}`

function draw(level: string, rng: Rng): CalendarQuestion {
  const year = rng.between(...YEARS)
  const direction = rng.chance(0.5) ? 1 : -1
  switch (level) {
    case 'week':
      return { ask: 'weekday-after', weekday: rng.int(7), days: direction * rng.between(1, 30) }
    case 'weeks':
      return { ask: 'weekday-after', weekday: rng.int(7), days: direction * rng.between(31, 400) }
    case 'dates': {
      const [day, days] = [rng.int(daysIn(year)), direction * rng.between(5, 60)]
      return day + days < 0 || day + days >= daysIn(year) ? draw(level, rng) : { ask: 'date-after', year, day, days }
    }
    default: {
      const [known, day] = [rng.int(daysIn(year)), rng.int(daysIn(year))]
      return Math.abs(known - day) < 7 ? draw(level, rng) : { ask: 'weekday-of', year, known, day }
    }
  }
}

const weekdayOf = (year: number, day: number): string => WEEKDAYS[dateOf(year, day).getUTCDay()]!

function answers(data: CalendarQuestion): string[] {
  switch (data.ask) {
    case 'weekday-after':
      return [WEEKDAYS[mod(data.weekday + data.days, 7)]!]
    case 'date-after': {
      const date = dateOf(data.year, data.day + data.days)
      return [dayAndMonth(date), monthAndDay(date)]
    }
    case 'weekday-of':
      return [weekdayOf(data.year, data.day)]
  }
}

const count = (days: number): string => (Math.abs(days) === 1 ? '1 day' : `${Math.abs(days)} days`)

function question(data: CalendarQuestion): string {
  switch (data.ask) {
    case 'weekday-after':
      return `Today is ${WEEKDAYS[data.weekday]}. Which day of the week ${data.days > 0 ? `will it be in ${count(data.days)}` : `was it ${count(data.days)} ago`}?`
    case 'date-after':
      return `Which date is ${count(data.days)} ${data.days > 0 ? 'after' : 'before'} ${dayAndMonth(dateOf(data.year, data.day))} ${data.year}?`
    case 'weekday-of':
      return `In ${data.year}, ${dayAndMonth(dateOf(data.year, data.known))} is a ${weekdayOf(data.year, data.known)}. Which day of the week is ${dayAndMonth(dateOf(data.year, data.day))} of that year?`
  }
}

/** Left over when whole weeks are taken away, in words. */
function weeks(from: string, days: number): string[] {
  const [whole, rest] = [Math.floor(Math.abs(days) / 7), Math.abs(days) % 7]
  const direction = days > 0 ? 1 : -1
  const start = WEEKDAYS.indexOf(from)
  const walked = Array.from({ length: rest }, (_, i) => WEEKDAYS[mod(start + direction * (i + 1), 7)])
  return [
    `${Math.abs(days)} = ${whole} * 7 + ${rest}, and whole weeks change nothing`,
    ...(rest === 0 ? [] : [`${rest} ${direction > 0 ? 'on' : 'back'} from ${from}: ${walked.join(', ')}`]),
  ]
}

function teacher(data: CalendarQuestion): { thinking: string; answer: string } {
  const [answer] = answers(data)
  switch (data.ask) {
    case 'weekday-after':
      return { thinking: weeks(WEEKDAYS[data.weekday]!, data.days).join('\n'), answer: answer! }
    case 'date-after':
      return { thinking: walk(data.year, data.day, data.day + data.days).lines.join('\n'), answer: answer! }
    case 'weekday-of': {
      const { lines, parts } = walk(data.year, data.known, data.day)
      const total = Math.abs(data.day - data.known)
      return {
        thinking: [
          ...lines,
          ...(parts.length > 1 ? [`${parts.join(' + ')} = ${total}`] : []),
          ...weeks(weekdayOf(data.year, data.known), data.day - data.known),
        ].join('\n'),
        answer: answer!,
      }
    }
  }
}

/** From a day of a year to another, month end by month end. */
function walk(year: number, from: number, until: number): { readonly lines: string[]; readonly parts: number[] } {
  const lines: string[] = []
  const parts: number[] = []
  const direction = until > from ? 1 : -1
  for (let day = from; day !== until;) {
    const date = dateOf(year, day)
    // Forwards to the last day of the month and on to the first of the next; backwards to the last day of the month before.
    const end =
      direction > 0 ? Math.round((Date.UTC(year, date.getUTCMonth() + 1, 1) - Date.UTC(year, 0, 1)) / 86_400_000) : day - date.getUTCDate()
    const next = direction > 0 ? Math.min(end, until) : Math.max(end, until)
    parts.push(Math.abs(next - day))
    lines.push(
      `${dayAndMonth(date)} to ${dayAndMonth(dateOf(year, next))}: ${count(next - day)}${next === until ? '' : `, ${Math.abs(until - next)} left`}`,
    )
    day = next
  }
  return { lines, parts }
}

export const calendarArithmetic: Procedure<CalendarQuestion> = {
  name: 'calendar-arithmetic',
  levels: [
    { id: 'week', label: 'the weekday up to 30 days on or back', problems: 420 },
    { id: 'weeks', label: 'the weekday up to 400 days on or back' },
    { id: 'dates', label: 'the date up to 60 days on or back' },
    { id: 'weekdays', label: 'the weekday of a date, given that of another date of the year' },
  ],
  draw,
  identity: (data) => question(data),
  question,
  answerForm: 'a day of the week, or a day and a month such as 4 May',
  answers,
  grader: 'exact',
  grade: (data, answer) => gradeItems(answers(data), answer),
  teacher,
  cluster: (data) => {
    switch (data.ask) {
      case 'weekday-after':
        return `${Math.abs(data.days) % 7} ${data.days > 0 ? 'on' : 'back'}`
      case 'date-after':
        return `${data.days > 0 ? 'on' : 'back'} from ${MONTHS[dateOf(data.year, data.day).getUTCMonth()]}`
      case 'weekday-of':
        return `${mod(data.day - data.known, 7)} ${data.day > data.known ? 'on' : 'back'}`
    }
  },
}
