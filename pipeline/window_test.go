package pipeline_test

import (
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

func TestClosure(t *testing.T) {
	t.Parallel()
	const week = "2006-01-02 15:04 -0700"
	at := func(s string) time.Time {
		t.Helper()
		v, err := time.Parse(week, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	hours := func(n int) pipeline.Duration { return pipeline.Duration(time.Duration(n) * time.Hour) }
	office := pipeline.PromotionWindow{
		Name: "office", Kind: pipeline.AllowWindow, Cron: "0 9 * * 1-5", Duration: hours(8), TimeZone: "Europe/Berlin",
	}
	weekend := pipeline.PromotionWindow{
		Name: "weekend", Kind: pipeline.DenyWindow, RRule: "FREQ=WEEKLY;BYDAY=SA;BYHOUR=0;BYMINUTE=0", Duration: hours(48), TimeZone: "Europe/Berlin",
	}
	early := pipeline.PromotionWindow{
		Name: "early", Kind: pipeline.AllowWindow, Cron: "30 2 * * *", Duration: hours(1), TimeZone: "Europe/Berlin",
	}
	everyOtherDay := pipeline.PromotionWindow{
		Name: "odd", Kind: pipeline.DenyWindow, RRule: "FREQ=DAILY;INTERVAL=2", Start: at("2026-01-01 10:00 +0000"), Duration: hours(1),
	}
	tests := map[string]struct {
		windows []pipeline.PromotionWindow
		freeze  *pipeline.Freeze
		stage   pipeline.Stage
		now     string
		closed  bool
		opens   string
		closes  string
	}{
		"without windows a Stage is open": {now: "2026-11-25 12:00 +0100"},
		"inside of an Allow a Stage is open until it ends": {
			windows: []pipeline.PromotionWindow{office}, now: "2026-11-25 12:00 +0100", closes: "2026-11-25 17:00 +0100",
		},
		"outside of every Allow a Stage is closed until the next": {
			windows: []pipeline.PromotionWindow{office}, now: "2026-11-27 17:00 +0100", closed: true, opens: "2026-11-30 09:00 +0100",
		},
		"an active Deny closes": {
			windows: []pipeline.PromotionWindow{weekend}, now: "2026-11-28 10:00 +0100", closed: true, opens: "2026-11-30 00:00 +0100",
		},
		"an inactive Deny says when it closes": {
			windows: []pipeline.PromotionWindow{weekend}, now: "2026-11-27 10:00 +0100", closes: "2026-11-28 00:00 +0100",
		},
		"a Deny wins over an Allow, and the Stage opens when neither closes it": {
			windows: []pipeline.PromotionWindow{office, {Name: "audit", Kind: pipeline.DenyWindow, Cron: "0 10 * * *", Duration: hours(2), TimeZone: "Europe/Berlin"}},
			now:     "2026-11-25 08:00 +0100", closed: true, opens: "2026-11-25 09:00 +0100",
		},
		"a Deny within an Allow closes it for its time": {
			windows: []pipeline.PromotionWindow{office, {Name: "audit", Kind: pipeline.DenyWindow, Cron: "0 10 * * *", Duration: hours(2), TimeZone: "Europe/Berlin"}},
			now:     "2026-11-25 10:30 +0100", closed: true, opens: "2026-11-25 12:00 +0100",
		},
		"windows that adjoin are one": {
			windows: []pipeline.PromotionWindow{{Name: "a", Kind: pipeline.AllowWindow, Cron: "0 8-11 * * *", Duration: hours(1)}},
			now:     "2026-11-25 09:30 +0000", closes: "2026-11-25 12:00 +0000",
		},
		"a window binds the Stages that it selects only": {
			windows: []pipeline.PromotionWindow{{Name: "x", Kind: pipeline.AllowWindow, Cron: "0 9 * * *", Duration: hours(1), Selector: pipeline.StageSelector{Name: "glob:prod-*"}}},
			stage:   pipeline.Stage{Name: "test"}, now: "2026-11-25 12:00 +0000",
		},
		"a selector means the local name of a Stage": {
			windows: []pipeline.PromotionWindow{{Name: "x", Kind: pipeline.AllowWindow, Cron: "0 9 * * *", Duration: hours(1), Selector: pipeline.StageSelector{Name: "glob:prod-*"}}},
			stage:   pipeline.Stage{Name: "shop/prod-eu"}, now: "2026-11-25 12:00 +0000", closed: true, opens: "2026-11-26 09:00 +0000",
		},
		"clocks are those of the time zone in winter": {
			windows: []pipeline.PromotionWindow{office}, now: "2026-01-14 07:00 +0000", closed: true, opens: "2026-01-14 08:00 +0000",
		},
		"clocks are those of the time zone in summer": {
			windows: []pipeline.PromotionWindow{office}, now: "2026-07-15 06:00 +0000", closed: true, opens: "2026-07-15 07:00 +0000",
		},
		"a start in the hour that is left out comes that much later": {
			windows: []pipeline.PromotionWindow{early}, now: "2026-03-29 00:00 +0100", closed: true, opens: "2026-03-29 03:30 +0200",
		},
		"a start in the hour that comes twice happens once": {
			windows: []pipeline.PromotionWindow{early}, now: "2026-10-25 03:45 +0100", closed: true, opens: "2026-10-26 02:30 +0100",
		},
		"a rule that skips counts from its start": {
			windows: []pipeline.PromotionWindow{everyOtherDay}, now: "2026-11-24 10:30 +0000", closes: "2026-11-25 10:00 +0000",
		},
		"the start may be part of the rule": {
			windows: []pipeline.PromotionWindow{{Name: "x", Kind: pipeline.DenyWindow, RRule: "DTSTART;TZID=America/New_York:20260105T090000\nRRULE:FREQ=WEEKLY;BYDAY=MO", Duration: hours(2), TimeZone: "America/New_York"}},
			now:     "2026-11-30 10:00 -0500", closed: true, opens: "2026-11-30 11:00 -0500",
		},
		"a rule that has ended never closes again": {
			windows: []pipeline.PromotionWindow{{Name: "x", Kind: pipeline.DenyWindow, RRule: "FREQ=DAILY;UNTIL=20260101T000000Z;BYHOUR=9", Start: at("2025-12-01 09:00 +0000"), Duration: hours(2)}},
			now:     "2026-11-25 10:00 +0000",
		},
		"a window without a rule happens once": {
			windows: []pipeline.PromotionWindow{{Name: "audit", Kind: pipeline.DenyWindow, Start: at("2026-11-25 09:00 +0000"), Duration: hours(3)}},
			now:     "2026-11-25 10:00 +0000", closed: true, opens: "2026-11-25 12:00 +0000",
		},
		"a window that happened once does not come again": {
			windows: []pipeline.PromotionWindow{{Name: "audit", Kind: pipeline.DenyWindow, Start: at("2026-11-25 09:00 +0000"), Duration: hours(3)}},
			now:     "2026-11-25 12:00 +0000",
		},
		"an Allow that happened once leaves the Stage closed for good": {
			windows: []pipeline.PromotionWindow{{Name: "launch", Kind: pipeline.AllowWindow, Start: at("2026-11-25 09:00 +0000"), Duration: hours(3)}},
			now:     "2026-11-25 12:00 +0000", closed: true,
		},
		"a freeze closes until it ends": {
			freeze: &pipeline.Freeze{Actor: "ana", Reason: "audit", Until: at("2026-11-26 10:00 +0000")},
			now:    "2026-11-25 10:00 +0000", closed: true, opens: "2026-11-26 10:00 +0000",
		},
		"a freeze that ends outside of the windows opens with them": {
			windows: []pipeline.PromotionWindow{office}, freeze: &pipeline.Freeze{Actor: "ana", Until: at("2026-11-28 10:00 +0000")},
			now: "2026-11-25 10:00 +0000", closed: true, opens: "2026-11-30 09:00 +0100",
		},
		"a freeze without an end opens by hand": {
			freeze: &pipeline.Freeze{Actor: "ana"}, now: "2026-11-25 10:00 +0000", closed: true,
		},
		"a freeze that is over closes nothing": {
			freeze: &pipeline.Freeze{Actor: "ana", Until: at("2026-11-25 10:00 +0000")}, now: "2026-11-25 10:00 +0000",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pipeline.Pipeline{Windows: tt.windows}
			got := p.Closure(tt.freeze, tt.stage, at(tt.now))
			same := func(what string, got time.Time, want string) {
				t.Helper()
				if want == "" && !got.IsZero() || want != "" && !got.Equal(at(want)) {
					t.Errorf("%s %s, want %q", what, got.Format(week), want)
				}
			}
			if got.Closed != tt.closed {
				t.Errorf("closed is %v, want %v: %+v", got.Closed, tt.closed, got)
			}
			if got.Closed == (got.Reason == "") {
				t.Errorf("a reason is given exactly when the Stage is closed: %+v", got)
			}
			same("opens", got.Opens, tt.opens)
			same("closes", got.Closes, tt.closes)
		})
	}
}

func TestWindowValidate(t *testing.T) {
	t.Parallel()
	day := pipeline.Duration(24 * time.Hour)
	for name, w := range map[string]pipeline.PromotionWindow{
		"neither rule":       {Duration: day},
		"both rules":         {Duration: day, Cron: "0 9 * * *", RRule: "FREQ=DAILY"},
		"no duration":        {Cron: "0 9 * * *"},
		"not cron":           {Duration: day, Cron: "at noon"},
		"cron with seconds":  {Duration: day, Cron: "0 0 9 * * *"},
		"not an rrule":       {Duration: day, RRule: "FREQ=OFTEN"},
		"too often":          {Duration: day, RRule: "FREQ=MINUTELY"},
		"no such zone":       {Duration: day, Cron: "0 9 * * *", TimeZone: "Mars/Olympus"},
		"counts from no day": {Duration: day, RRule: "FREQ=DAILY;INTERVAL=3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := w.Validate(); err == nil {
				t.Errorf("%+v passes", w)
			}
		})
	}
}
