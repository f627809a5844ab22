/// The published timetables of MeanCache, for 50 calls (UnicomAI/MeanCache 2e12280).
///
/// From the tables of Mc_qwenimage.py, Mc_qwenimage_2512.py and MC_zimage.py, where an edge without calls
/// between its ends has no order; here it has 1.
enum MeanCacheLists {
  struct List: Hashable, Sendable {
    /// Computed calls, ascending.
    let computed: [Int]
    /// How many calls the velocity is averaged over on the edge after each computed call but the last.
    let orders: [Int]
  }

  /// Calls that the lists were made for.
  static let callCount = 50

  static let published: [(name: String, list: List)] = [
    (
      "qwen-25",
      List(
        computed: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 32, 40, 43, 45, 47, 48, 49],
        orders: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 5, 5, 5, 1, 1])
    ),
    (
      "qwen-17",
      List(
        computed: [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 17, 24, 31, 38, 45, 48, 49],
        orders: [1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 4, 1])
    ),
    ("qwen-10", List(computed: [0, 1, 3, 7, 14, 21, 28, 35, 42, 49], orders: [1, 2, 1, 1, 1, 1, 1, 1, 4])),
    (
      "qwen-2512-25",
      List(
        computed: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 23, 31, 37, 44, 45, 46, 47, 48, 49],
        orders: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1])
    ),
    (
      "qwen-2512-17",
      List(
        computed: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 19, 27, 35, 43, 47, 49],
        orders: [1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 5, 5])
    ),
    (
      "qwen-2512-10",
      List(computed: [0, 2, 4, 7, 14, 21, 28, 35, 42, 49], orders: [1, 3, 1, 1, 1, 1, 1, 1, 4])
    ),
    (
      "z-image-25",
      List(
        computed: [
          0, 1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 13, 15, 16, 17, 18, 20, 22, 29, 37, 42, 45, 47, 48, 49,
        ], orders: [1, 1, 1, 1, 1, 1, 2, 2, 1, 1, 1, 2, 1, 1, 1, 5, 5, 1, 1, 1, 5, 5, 1, 1])
    ),
    (
      "z-image-20",
      List(
        computed: [0, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 30, 38, 43, 46, 48, 49],
        orders: [1, 1, 1, 1, 2, 2, 2, 2, 2, 5, 4, 5, 5, 1, 1, 1, 5, 2, 1])
    ),
    (
      "z-image-17",
      List(
        computed: [0, 1, 2, 3, 4, 6, 8, 10, 12, 14, 19, 27, 35, 43, 46, 48, 49],
        orders: [1, 1, 1, 1, 2, 2, 2, 2, 2, 1, 1, 1, 1, 5, 2, 1])
    ),
    (
      "z-image-15",
      List(
        computed: [0, 1, 2, 3, 5, 7, 10, 12, 17, 25, 33, 41, 45, 48, 49],
        orders: [1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1, 5, 4, 1])
    ),
    (
      "z-image-13",
      List(
        computed: [0, 1, 2, 3, 5, 9, 15, 22, 29, 36, 43, 47, 49],
        orders: [1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 5, 2])
    ),
  ]
}
