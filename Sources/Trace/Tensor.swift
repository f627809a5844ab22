/// A dense matrix, one row per token, in row-major order.
public struct Tensor: Hashable, Sendable {
  public let rows: Int
  public let columns: Int
  /// `rows * columns` values.
  public var values: [Float]

  public init(rows: Int, columns: Int, values: [Float]) {
    precondition(
      values.count == rows * columns, "a \(rows) x \(columns) tensor needs \(rows * columns) values")
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  public init(zeros rows: Int, _ columns: Int) {
    self.init(rows: rows, columns: columns, values: [Float](repeating: 0, count: rows * columns))
  }
}
