module couponbook/deploy/kubernetes/check

go 1.26
