//! Greets from a thread, for which a program needs libgcc_s.
fn main() {
    let greeting = std::thread::spawn(|| "Hello from Rust").join();
    println!("{}", greeting.unwrap_or("nobody greets"));
}
