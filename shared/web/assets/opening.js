/**
 * Opens what a page keeps closed until it is noted that it was opened: a student's file before its certification.
 *
 * `<form data-opening action="…/opening">` asks for it (and does so alone where there is no script), the files wait
 * in `<template data-opening-files>`, `[data-opening-locks]` is enabled and `[data-opening-note]` goes once the note
 * is made. A page that is not looked at (opened in a background tab) waits until it is.
 */

const form = document.querySelector('form[data-opening]');
const files = document.querySelector('template[data-opening-files]');

async function open() {
  const button = form.querySelector('button');
  button.disabled = true;
  let answer;
  try {
    answer = await fetch(form.action, { method: 'POST', headers: { Accept: 'application/json' } });
  } catch {
    button.disabled = false; // offline: the button is the second try
    return;
  }
  // withdrawn, logged out: the page itself tells
  if (!answer.ok) {
    location.reload();
    return;
  }
  form.replaceWith(files.content.cloneNode(true));
  for (const part of document.querySelectorAll('[data-opening-locks]')) part.disabled = false;
  for (const part of document.querySelectorAll('[data-opening-note]')) part.remove();
}

function whenSeen() {
  if (document.visibilityState !== 'visible') return;
  document.removeEventListener('visibilitychange', whenSeen);
  open();
}

if (form && files) {
  document.addEventListener('visibilitychange', whenSeen);
  whenSeen();
}
