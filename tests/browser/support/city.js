/**
 * Who lives in the demo city, as services/licheng/src/seed makes it. Every test names the people it
 * plays, so that tests which change something do not meet.
 */
export const PASSWORD = 'licheng-demo';

const CLASS_SIZE = 36;

/** The academic year of today, in the Republic's count: it begins in August. */
export function academicYear(now = new Date()) {
  return now.getFullYear() - 1911 - (now.getMonth() < 7 ? 1 : 0);
}

/** A school by its code, and the accounts in it. */
export function school(code) {
  const prefix = `s${code.toLowerCase()}`;
  return {
    code,
    /** The student at this place of the roster (from 0): classes of 36, of grades 1, 2, 3 in turn. */
    student: (nth) => {
      const entryYear = academicYear() - (Math.floor(nth / CLASS_SIZE) % 3);
      return `${prefix}${entryYear}${String(nth + 1).padStart(4, '0')}`;
    },
    teacher: (nth) => `${prefix}t${String(nth).padStart(3, '0')}`,
    admin: `${prefix}a01`,
    outcomeSubmitter: `${prefix}o01`,
    activitySubmitter: `${prefix}v01`,
    counsellor: `${prefix}c01`,
    /** A page of this school. */
    path: (rest) => `/s/${code}/${rest}`,
  };
}

export const BUREAU = 'bureau01';
