//go:build browser

package demo_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// action is something done in the browser.
type action = chromedp.Action[chromedp.Void]

// tab is a tab of a real browser. These tests run with -tags browser where
// Chromium is installed; they leave pictures in the directory that DEMO_PICTURES
// names.
type tab struct {
	*testing.T
	ctx context.Context //nolint:containedctx // to chromedp, a context is the tab
}

func openTab(t *testing.T) tab {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Fatal("neither chromium nor google-chrome is installed")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1400, 900),
		chromedp.Flag("disable-component-update", true),
	)
	ctx, stop := chromedp.NewContext(t.Context(), chromedp.WithAllocatorOptions(options...))
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return tab{t, ctx}
}

// do performs a step of a scenario.
func (b tab) do(what string, actions ...action) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		shown, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`)) // whatever can still be seen
		b.Fatalf("%s: %v\n%s", what, err, shown)
	}
}

// becomes waits until an expression is true, across navigations.
func becomes(expression string) action {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		// Evaluated from outside, because the page's policy forbids eval.
		poll := chromedp.Evaluate[bool](fmt.Sprintf(
			`new Promise((done) => { const look = () => (%s) ? done(true) : setTimeout(look, 20); look(); })`, expression), chromedp.EvalAwaitPromise)
		for {
			_, err := poll(ctx, t)
			switch {
			case err == nil:
				return nil
			case ctx.Err() != nil:
				return fmt.Errorf("%s: %w", expression, err)
			}
		}
	})
}

// says waits until an element's text contains want.
func says(selector, want string) action {
	return becomes(fmt.Sprintf(`document.querySelector(%q)?.textContent.includes(%q)`, selector, want))
}

// holds fails unless an expression is true now.
func holds(expression string) action {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		ok, err := chromedp.Evaluate[bool](expression)(ctx, t)
		if err == nil && !ok {
			err = fmt.Errorf("%s does not hold", expression)
		}
		return err
	})
}

func runs(script string) action { return chromedp.Evaluate[chromedp.Void](script) }

func picture(name string) action {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		dir := os.Getenv("DEMO_PICTURES")
		if dir == "" {
			return nil
		}
		png, err := chromedp.FullScreenshot(100)(ctx, t)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
	})
}

// TestBrowser plays a whole change in a real browser: publish, comment, approve,
// verified in prod; and nothing that a person does is disturbed by updates.
func TestBrowser(t *testing.T) {
	base := startDemo(t)
	b := openTab(t)
	b.do("open the page", chromedp.Navigate(base), says("#coach", "web 1.1.0 may enter prod"), picture("ready"))

	b.do("type half a comment and publish",
		chromedp.SendKeys("#body", "half a thou"),
		runs(`document.querySelector("#promotion-test-2").open = true; window.scrollTo({top: 300, behavior: "instant"})`),
		runs(`document.querySelector("#publish").click()`))
	b.do("see test and staging take the version without losing anything",
		says("#freight", "web 1.1.1"), says("#coach", "web 1.1.1 may enter prod"), says("#pulls", "#4"),
		holds(`document.querySelector("#body").value === "half a thou"`),
		holds(`document.querySelector("#promotion-test-2").open`),
		holds(`Math.abs(window.scrollY - 300) < 200`),
		holds(`document.querySelector("#pull").dataset.pull === "2"`),
		becomes(`document.querySelector("#version").value === "1.1.2"`))

	b.do("be refused as a stranger, on GitHub",
		chromedp.SetValue("#as", "carl"), chromedp.Click("#quick-2"),
		says("#pull", "carl may not promote"), says("#pull", "😕"),
		holds(`document.querySelector("#body").value === "half a thou"`))
	b.do("be refused as a stranger, by GitHub",
		chromedp.Click("#pr-3"), says("#pull-title", "#3"),
		chromedp.SetValue("#as", "carl"), chromedp.Click("#comment"), says("#notice", "a comment needs a text"))

	b.do("ask for prod as ana",
		chromedp.SetValue("#as", "ana"), chromedp.SetValue("#body", "/promote prod"), chromedp.Click("#comment"),
		becomes(`document.querySelector("#body").value === "" && document.querySelector("#notice").textContent === ""`),
		says("#coach", "waits for an approval"), says("#pipeline", "0 of 1 approvals"))
	b.do("approve as ben",
		chromedp.Click("#coach-link"), says("#pull-title", "promote(prod)"),
		holds(`document.querySelector("#as").value === "ben"`), picture("waiting"),
		chromedp.Click("#do-approve"),
		says("#coach", "Everything is up to date"), says("#pull", "✓ approved"), says("#pipeline li:last-child", "✓ Verified"),
		says("#latest", "verified in prod"), picture("done"))
}

// TestBrowserFits looks at narrow windows and both colour schemes.
func TestBrowserFits(t *testing.T) {
	base := startDemo(t)
	b := openTab(t)
	const (
		fits     = `document.documentElement.scrollWidth <= window.innerWidth`
		readable = `[...document.querySelectorAll("body *")].every((e) => !e.textContent.trim() || parseFloat(getComputedStyle(e).fontSize) >= 14)`
		targets  = `[...document.querySelectorAll("button, select, summary, input:not([disabled])")].every((e) => e.offsetParent === null || e.getBoundingClientRect().height >= 24)`
		labelled = `[...document.querySelectorAll("input:not([disabled]), select, textarea")].every((e) => e.labels.length > 0)`
	)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{400, 800, 1400} {
			b.do(fmt.Sprintf("%d pixels, %s", width, scheme),
				chromedp.EmulateViewport(width, 900), prefers(scheme),
				chromedp.Navigate(base+"/?pr=2&promotion=test-2"), says("#pull-title", "#2"),
				runs(`document.querySelectorAll("details").forEach((d) => d.open = true)`),
				holds(fits), holds(readable), holds(targets), holds(labelled), contrast(), picture(fmt.Sprintf("%s-%d", scheme, width)))
		}
	}
}

func prefers(scheme string) action {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}

// contrast fails on text whose contrast to its background is under 4.5 to 1, the
// minimum of WCAG 2.2 AA.
func contrast() action {
	const script = `(() => {
  const rgb = (s) => s.match(/[\d.]+/g).map(Number);
  const lum = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const back = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const bad = new Set();
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) || e.offsetParent === null) continue;
    const [a, b] = [lum(rgb(getComputedStyle(e).color)), lum(back(e))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) bad.add(e.tagName + "." + e.className + " " + ratio.toFixed(2) + " " + e.textContent.trim().slice(0, 30));
  }
  return [...bad].join("; ");
})()`
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		bad, err := chromedp.Evaluate[string](script)(ctx, t)
		if err == nil && bad != "" {
			err = fmt.Errorf("too little contrast: %s", bad)
		}
		return err
	})
}
