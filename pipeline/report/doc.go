// Package report is what the bot writes for people: pull request titles and
// bodies, the sticky comment, check runs, Deployments, merge messages, and the
// answers to commands. It turns domain values into GitHub's Markdown.
//
// It is pure and calls nothing. Text from outside (commit messages, tags, names
// of branches and authors) is hostile: it goes through [Code] or [Text], which
// let no mention, link, HTML or Markdown through. Sizes respect GitHub's limits
// by dropping sections in a declared order.
package report
