// Package ghapp is the App's voice on GitHub: it implements the ports of steps
// (Git, pull requests, gates), of the Promotion's publisher (check runs,
// Deployments, comments), of Verifications (checks, workflows, others' Deployments)
// and what handlers and operations ask of GitHub.
//
// It calls REST through go-github and signs in through ghinstallation; nothing of
// either leaves the package, except *github.ErrorResponse inside errors. Git
// objects are read through package gitrepo, and commits are written through
// REST, so that GitHub signs them.
//
// It decides nothing about Promotions, keeps nothing that must survive a
// restart, and never waits long: while GitHub wants to be left alone, requests
// fail at once with a *pipeline.TransientError that says for how long. Every
// fault that says nothing about the request itself (5xx, 429, secondary limits,
// timeouts, broken connections) is a *pipeline.TransientError too.
//
// A request passes these decorators, one file each: userAgent, redirects, retry,
// etags, limits, signIn, observe, exchange. Tokens reach one repository and have
// only the permissions that this package uses; they are never logged.
//
// It imports pipeline, pipeline/tree, pipeline/step, pipeline/report,
// pipeline/promotion, pipeline/verify and app/gitrepo. Everything in it is safe for concurrent
// use, except that a *tree.Checkout belongs to its caller.
package ghapp
