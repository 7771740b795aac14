// Package jiratest is a Jira for tests, in the cloud or in a data center, with the
// answers, the errors and the peculiarities of each: what the other has is not there, what
// is new takes a while until it is found, and strangers are told that nothing exists.
//
// It has one project, OPS, whose workflow goes from To Do over In Progress to Done and
// back. A Server is safe for concurrent use.
package jiratest
