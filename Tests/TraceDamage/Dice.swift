import TestSupport

extension Dice {
  /// Numbers of its own for each mutant.
  init(seed: UInt64, index: Int) {
    self.init(seed: seed &+ UInt64(index) &* 0xd134_2543_de82_ef95)
    _ = next()
  }

  mutating func below(_ count: Int) -> Int { Int.random(in: 0..<max(1, count), using: &self) }

  mutating func pick<Item>(_ items: [Item]) -> Item { items[below(items.count)] }

  /// A number at which programs tend to go wrong.
  mutating func interestingNumber(near value: UInt64, fileByteCount: Int) -> UInt64 {
    switch below(4) {
    case 0: pick([0, 1, 2, 3, 4, 5, 7, 8, 16, 255, 256, 4096])
    case 1:
      pick([
        0x7fff, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, 1 << 40, .max >> 1, .max,
        .max - 1,
      ])
    case 2: pick([value &+ 1, value &- 1, value &* 2, value / 2, value ^ 1 << UInt64(below(64))])
    default: UInt64(below(fileByteCount + 64))
    }
  }
}
