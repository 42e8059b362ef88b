"""Exchange with outside systems (对外数据交换): what sources are declared, and the adapters that speak with them."""
