import Testing
import Trace

@testable import WorldModel

struct ConfigRowsTests {
  private let config = Config()
  /// Tokens whose values are 1, 2, 3, …
  private var tokens: Tensor {
    let count = config.tokens * config.targetChannels
    return Tensor(rows: config.tokens, columns: config.targetChannels, values: (1...count).map(Float.init))
  }

  @Test func rowsAndBackIsTheIdentity() {
    #expect(config.targetTokens(config.outputRows(tokens)) == tokens)
  }

  // Every value appears exactly once, and the rest is padding.
  @Test func nothingIsLostOrDoubled() {
    let rows = config.outputRows(tokens)
    #expect(rows.rows == 1152 && rows.columns == 48)
    #expect(rows.values.filter { $0 != 0 }.sorted() == tokens.values)
  }

  @Test func rowsAreWhereTheLayoutSays() {
    let rows = config.outputRows(tokens)
    let offsets = [0, 48, 64]
    for (index, row) in config.outputLayout.tokens.enumerated() {
      let token = row.frame * 96 + row.row * 12 + row.column
      let own = rows.values[(index * 48)..<(index * 48 + 48)]
      let from = token * 70 + offsets[row.modality]
      #expect(own.prefix(row.validChannels) == tokens.values[from..<(from + row.validChannels)])
      #expect(own.dropFirst(row.validChannels).allSatisfy { $0 == 0 })
    }
  }
}
