/// The tokens of a layout as full grids of frames, rows and columns, one grid per modality.
package struct TokenGrid {
  /// One modality: its extents and the place of each grid point among the valid tokens, row-major.
  struct Grid {
    var frames: Int
    var rows: Int
    var columns: Int
    var places: [Int]

    var extents: [Int] { [frames, rows, columns] }
  }

  let grids: [Grid]

  /// Nil when the tokens of a modality do not fill a grid, each point once.
  package init?(_ tokens: [TokenTable.Token]) {
    var grids: [Grid] = []
    for modality in Set(tokens.map(\.modality)).sorted() {
      let members = tokens.indices.filter { tokens[$0].modality == modality }
      func axis(_ value: (TokenTable.Token) -> Int) -> [Int: Int] {
        let values = Set(members.map { value(tokens[$0]) }).sorted()
        return Dictionary(uniqueKeysWithValues: values.enumerated().map { ($1, $0) })
      }
      let (frames, rows, columns) = (axis(\.frame), axis(\.row), axis(\.column))
      var places = [Int](repeating: -1, count: frames.count * rows.count * columns.count)
      guard places.count == members.count else { return nil }
      for member in members {
        let token = tokens[member]
        let place =
          (frames[token.frame]! * rows.count + rows[token.row]!) * columns.count + columns[token.column]!
        guard places[place] == -1 else { return nil }
        places[place] = member
      }
      grids.append(Grid(frames: frames.count, rows: rows.count, columns: columns.count, places: places))
    }
    self.grids = grids
  }
}
