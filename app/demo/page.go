package demo

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

//go:embed templates
var templates embed.FS

//go:embed static
var static embed.FS

// page serves the demo in the browser. Everything works without JavaScript
// except live updates.
type page struct {
	world    *world
	observer *observer
	template *template.Template
	markdown *markdown
}

// maxForm bounds what a form may send; GitHub's comments are limited to 64 KiB.
const maxForm = 256 << 10

func newPage(w *world, o *observer) (http.Handler, error) {
	t, err := template.ParseFS(templates, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	assets, err := fs.Sub(static, "static")
	if err != nil {
		return nil, fmt.Errorf("open static files: %w", err)
	}
	p := &page{world: w, observer: o, template: t, markdown: newMarkdown()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.show)
	mux.HandleFunc("GET /"+configRepo+"/promotions/{id}", p.showPromotion)
	mux.HandleFunc("GET /events", p.events)
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(assets)))
	mux.HandleFunc("POST /publish", p.publish)
	mux.HandleFunc("POST /pulls/{number}/{act}", p.act)
	return secured(http.NewCrossOriginProtection().Handler(mux)), nil
}

// secured lets the page load from and send to itself only.
func secured(next http.Handler) http.Handler {
	const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}

// show answers with the page.
func (p *page) show(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, http.StatusOK, selected(r.URL.Query()), func(*pageView) {})
}

// showPromotion is where the links in pull requests and Deployments lead.
func (p *page) showPromotion(w http.ResponseWriter, r *http.Request) {
	q := url.Values{"promotion": {r.PathValue("id")}}
	http.Redirect(w, r, "/?"+q.Encode()+"#promotion-"+url.PathEscape(r.PathValue("id")), http.StatusSeeOther)
}

func selected(q url.Values) selection {
	number, _ := strconv.Atoi(q.Get("pr")) // what is no number chooses nothing
	return selection{pull: number, promotion: q.Get("promotion"), login: q.Get("as")}
}

func (p *page) render(w http.ResponseWriter, r *http.Request, status int, chosen selection, more func(*pageView)) {
	m, err := p.world.look(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	view, err := p.view(m, chosen)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	more(&view)
	var b bytes.Buffer
	if err := p.template.ExecuteTemplate(&b, "page.html", view); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // the reader went away
}

// publish handles the form that publishes a version.
func (p *page) publish(w http.ResponseWriter, r *http.Request) {
	if !parsed(w, r) {
		return
	}
	p.answer(w, r, selected(r.PostForm), "", p.world.publish(r.PostForm.Get("version")))
}

// act handles everything that people do to a pull request.
func (p *page) act(w http.ResponseWriter, r *http.Request) {
	if !parsed(w, r) {
		return
	}
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	chosen := selection{pull: number, login: r.PostForm.Get("as")}
	text := r.PostForm.Get("body")
	if quick := r.PostForm.Get("quick"); quick != "" {
		text = quick
	}
	p.answer(w, r, chosen, text, p.world.act(number, chosen.login, r.PathValue("act"), text))
}

func parsed(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return false
	}
	return true
}

// answer redirects to the page after success, and shows a refusal beside what was
// typed.
func (p *page) answer(w http.ResponseWriter, r *http.Request, chosen selection, typed string, err error) {
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		p.render(w, r, http.StatusUnprocessableEntity, chosen, func(v *pageView) { v.Refusal, v.Comment = refused.message, typed })
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		q := url.Values{}
		if chosen.pull != 0 {
			q.Set("pr", strconv.Itoa(chosen.pull))
		}
		if chosen.login != "" {
			q.Set("as", chosen.login)
		}
		http.Redirect(w, r, "/?"+q.Encode(), http.StatusSeeOther)
	}
}

// events tells the browser when there is something new to fetch.
func (p *page) events(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		changed := p.observer.changed.listen()
		_, version := p.observer.now()
		if err := control.SetWriteDeadline(p.world.now().Add(time.Minute)); err != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "data: %d\n\n", version); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
		keepalive := time.NewTimer(20 * time.Second)
		select {
		case <-r.Context().Done():
			keepalive.Stop()
			return
		case <-changed:
			keepalive.Stop()
		case <-keepalive.C:
		}
	}
}
