// Package coupon is the domain: books of coupon codes, the life of a coupon,
// who may claim one, and the jobs that clients follow. It decides from values
// it is given and knows neither HTTP nor SQL nor queues.
package coupon
