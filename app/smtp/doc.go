// Package smtp hands mails to SMTP servers, one mail on one connection.
//
// It is not a queue: what a server does not take is the caller's to send again. It
// decides nothing about where connections may lead, which the [Dialer] does, and keeps
// nothing. A Client is safe for concurrent use.
package smtp
