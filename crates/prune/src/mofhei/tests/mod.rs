mod block;
mod cull;
mod networks;
mod price;
