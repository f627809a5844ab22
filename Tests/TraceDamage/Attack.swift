import TestSupport

/// One way of making mutants of one sound file.
struct Attack: Sendable {
  enum Kind: Sendable {
    /// A trace whose contents must be those of the base, or refused.
    case damagedTrace
    /// A trace that must be refused unless it keeps every rule.
    case craftedTrace
    /// A journal of which exactly the calls before the damage must be recovered.
    case damagedJournal
    /// A journal from which nothing may be recovered that breaks a rule.
    case craftedJournal
  }

  var name: String
  var kind: Kind
  var base: String
  var count: Int
  var mutant: @Sendable (Int) -> [UInt8]

  /// What makes the attacks at full length; a mutant depends on the seed and its index alone.
  static func makers(_ bases: Bases, seed: UInt64, crafted: Int) -> [() throws -> Attack] {
    let traces = [("sample", bases.sample), ("no digest", bases.plain), ("grid", bases.grid)]
    let journals = [("journal", bases.sampleJournal), ("large journal", bases.gridJournal)]
    var makers: [() throws -> Attack] = []
    for (name, path) in traces where path != bases.plain {
      makers.append { try metadataFlips(name, path) }
      makers.append { try dataFlips(name, path, seed) }
    }
    makers.append {
      try flips("journal: every bit", .damagedJournal, bases.sampleJournal) { Array($0.indices) }
    }
    makers.append { try cuts("journal: cut at every byte", .damagedJournal, bases.sampleJournal, every: 1) }
    for (name, path) in traces + journals where path != bases.plain {
      let kind = path.hasSuffix(".h5") ? Kind.damagedTrace : .damagedJournal
      makers.append { try cuts("\(name): cut at every 4 KiB", kind, path, every: 4096) }
      makers.append { try zeros("\(name): 512 B and 4 KiB zeroed at every 4 KiB", kind, path) }
    }
    for (name, path) in traces {
      makers.append {
        let bytes = try Bases.bytes(of: path)
        let trace = CraftedTrace(base: bytes, map: HDF5Map(bytes))
        return random("\(name): crafted, checksums right", .craftedTrace, path, seed, crafted) {
          trace.mutant(&$0)
        }
      }
    }
    makers.append {
      let journal = CraftedJournal(try Bases.bytes(of: bases.sampleJournal))
      return random("journal: crafted, checksums right", .craftedJournal, bases.sampleJournal, seed, crafted)
      {
        journal.mutant(&$0)
      }
    }
    return makers
  }

  private static func metadataFlips(_ name: String, _ path: String) throws -> Attack {
    try flips("\(name): every bit of the metadata", .damagedTrace, path) {
      HDF5Map($0).metadataOffsets($0.count)
    }
  }

  private static func dataFlips(_ name: String, _ path: String, _ seed: UInt64) throws -> Attack {
    let bytes = try Bases.bytes(of: path)
    let blocks = HDF5Map(bytes).blocks
    return random("\(name): a random bit of the data", .damagedTrace, path, seed, 1000) { dice in
      var mutant = bytes
      let range = dice.pick(blocks).range
      mutant[range.lowerBound + dice.below(range.count)] ^= 1 << UInt8(dice.below(8))
      return mutant
    }
  }

  private static func flips(
    _ name: String, _ kind: Kind, _ path: String, _ offsets: ([UInt8]) -> [Int]
  ) throws -> Attack {
    let bytes = try Bases.bytes(of: path)
    let chosen = offsets(bytes)
    return Attack(name: name, kind: kind, base: path, count: 8 * chosen.count) {
      var mutant = bytes
      mutant[chosen[$0 / 8]] ^= 1 << UInt8($0 % 8)
      return mutant
    }
  }

  private static func cuts(_ name: String, _ kind: Kind, _ path: String, every: Int) throws -> Attack {
    let bytes = try Bases.bytes(of: path)
    return Attack(name: name, kind: kind, base: path, count: (bytes.count + every - 1) / every) {
      Array(bytes[..<($0 * every)])
    }
  }

  private static func zeros(_ name: String, _ kind: Kind, _ path: String) throws -> Attack {
    let bytes = try Bases.bytes(of: path)
    return Attack(name: name, kind: kind, base: path, count: 2 * ((bytes.count + 4095) / 4096)) {
      var mutant = bytes
      let start = $0 / 2 * 4096
      for offset in start..<min(start + ($0 % 2 == 0 ? 512 : 4096), bytes.count) { mutant[offset] = 0 }
      return mutant
    }
  }

  private static func random(
    _ name: String, _ kind: Kind, _ path: String, _ seed: UInt64, _ count: Int,
    _ mutant: @escaping @Sendable (inout Dice) -> [UInt8]
  ) -> Attack {
    Attack(name: name, kind: kind, base: path, count: count) {
      var dice = Dice(seed: seed, index: $0)
      return mutant(&dice)
    }
  }
}
