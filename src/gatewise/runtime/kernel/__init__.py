"""A compiled engine behind one C contract (kernel.h), where one was built: LSTM and GRU cells."""
