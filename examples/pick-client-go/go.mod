module example.com/pick-client-go

go 1.19
