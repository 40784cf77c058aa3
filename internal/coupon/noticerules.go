package coupon

import "time"

// NoticeRules say when an event tells that a book needs its owner.
type NoticeRules struct {
	LowStockPercent int           // book.low_stock at so many free codes of all; 0: never
	EndingSoon      time.Duration // book.ending_soon so long before the book's end; 0: never
}

func (r NoticeRules) check(wrong *faults) {
	if r.LowStockPercent < 0 || r.LowStockPercent > 100 {
		wrong.add("/low_stock_percent", "must be between 0 (never) and 100")
	}
	if r.EndingSoon < 0 || r.EndingSoon > tenYears {
		wrong.add("/ending_soon_seconds", "must be between 0 (never) and %d", int(tenYears.Seconds()))
	}
}
