package demo

import "net/http"

func newPage(w *world, o *observer) (http.Handler, error) { return http.NotFoundHandler(), nil }
