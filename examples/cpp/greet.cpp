// Greets, and adds on several threads, for which it needs libstdc++ and libgomp.
#include <iostream>
#include <regex>
#include <string>

int main() {
  int sum = 0;
#pragma omp parallel for reduction(+ : sum)
  for (int i = 1; i <= 100; i++) sum += i;
  std::string greeting = std::regex_replace("Hello from C", std::regex("C$"), "C++");
  std::cout << greeting << ", " << sum << '\n';
}
