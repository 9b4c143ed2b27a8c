/** Throws the last run's pictures away: what lies in the folder afterwards is this run's. */
import { rm } from 'node:fs/promises';

export default async function begin() {
  await rm(`${process.env.BROWSER_OUTPUT}/screenshots`, { recursive: true, force: true });
}
