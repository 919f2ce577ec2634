import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.iceberg.FileScanTask;
import org.apache.iceberg.Schema;
import org.apache.iceberg.StructLike;
import org.apache.iceberg.Table;
import org.apache.iceberg.TableScan;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.data.IcebergGenerics;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.expressions.Expression;
import org.apache.iceberg.expressions.Expressions;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.jdbc.JdbcCatalog;
import org.apache.iceberg.types.Type;
import org.apache.iceberg.types.Types;

/**
 * Answers questions about tables with Iceberg's own library, through its JDBC catalog. Questions and answers are those
 * of read-tables.py.
 */
public class ReadTables {
  private static final ObjectMapper json = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, true, "UTF-8");
    JdbcCatalog catalog = new JdbcCatalog();
    // A warehouse is where new tables would go; none is made here.
    catalog.initialize(
        "sluice",
        Map.of("uri", "jdbc:sqlite:" + args[0], "warehouse", "file:///none", "jdbc.schema-version", "V1"));
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      Object reply;
      try {
        reply = answer(catalog, json.readTree(line));
      } catch (Exception error) {
        reply = Map.of("error", error.getClass().getSimpleName() + ": " + error.getMessage());
      }
      out.println(json.writeValueAsString(reply));
    }
  }

  private static Object answer(JdbcCatalog catalog, JsonNode question) throws Exception {
    Table table = catalog.loadTable(TableIdentifier.parse(question.get("table").asText()));
    Expression filter =
        question.has("filter") ? expression(question.get("filter")) : Expressions.alwaysTrue();
    IcebergGenerics.ScanBuilder reading = IcebergGenerics.read(table).where(filter);
    TableScan scan = table.newScan().filter(filter);
    if (question.has("snapshot")) {
      long snapshot = Long.parseLong(question.get("snapshot").asText());
      reading = reading.useSnapshot(snapshot);
      scan = scan.useSnapshot(snapshot);
    }
    Schema schema = scan.schema();
    List<Object> rows = new ArrayList<>();
    try (CloseableIterable<Record> records = reading.build()) {
      for (Record record : records) rows.add(plain(schema.asStruct(), record));
    }
    List<String> files = new ArrayList<>();
    try (CloseableIterable<FileScanTask> tasks = scan.planFiles()) {
      for (FileScanTask task : tasks) files.add(task.file().location());
    }
    files.sort(null);
    return Map.of("columns", columns(schema), "rows", rows, "files", files);
  }

  private static List<Object> columns(Schema schema) {
    List<Object> columns = new ArrayList<>();
    for (Types.NestedField field : schema.columns()) {
      Map<String, Object> column = new LinkedHashMap<>();
      column.put("id", field.fieldId());
      column.put("name", field.name());
      column.put("type", field.type().toString());
      column.put("required", field.isRequired());
      columns.add(column);
    }
    return columns;
  }

  private static Expression expression(JsonNode node) {
    String operator = node.get(0).asText();
    switch (operator) {
      case "and":
        return Expressions.and(expression(node.get(1)), expression(node.get(2)));
      case "or":
        return Expressions.or(expression(node.get(1)), expression(node.get(2)));
      case "not":
        return Expressions.not(expression(node.get(1)));
      default:
        return predicate(operator, node.get(1).asText(), node.get(2));
    }
  }

  private static Expression predicate(String operator, String column, JsonNode value) {
    switch (operator) {
      case "is_null":
        return Expressions.isNull(column);
      case "not_null":
        return Expressions.notNull(column);
      case "in":
        List<Object> values = new ArrayList<>();
        for (JsonNode each : value) values.add(literal(each));
        return Expressions.in(column, values);
      case "starts_with":
        return Expressions.startsWith(column, value.asText());
      case "=":
        return Expressions.equal(column, literal(value));
      case "!=":
        return Expressions.notEqual(column, literal(value));
      case "<":
        return Expressions.lessThan(column, literal(value));
      case "<=":
        return Expressions.lessThanOrEqual(column, literal(value));
      case ">":
        return Expressions.greaterThan(column, literal(value));
      case ">=":
        return Expressions.greaterThanOrEqual(column, literal(value));
      default:
        throw new IllegalArgumentException("no operator " + operator);
    }
  }

  private static Object literal(JsonNode value) {
    if (value.has("long")) return Long.parseLong(value.get("long").asText());
    if (value.has("hex")) return ByteBuffer.wrap(HexFormat.of().parseHex(value.get("hex").asText()));
    if (value.isBoolean()) return value.asBoolean();
    if (value.isTextual()) return value.asText();
    return value.isIntegralNumber() ? (Object) value.asLong() : (Object) value.asDouble();
  }

  /** The value in the common form. */
  private static Object plain(Type type, Object value) {
    if (value == null) return null;
    switch (type.typeId()) {
      case STRUCT:
        Map<String, Object> members = new LinkedHashMap<>();
        List<Types.NestedField> fields = type.asStructType().fields();
        for (int i = 0; i < fields.size(); i++) {
          Object member = ((StructLike) value).get(i, Object.class);
          members.put(fields.get(i).name(), plain(fields.get(i).type(), member));
        }
        return members;
      case LIST:
        List<Object> items = new ArrayList<>();
        for (Object item : (List<?>) value) items.add(plain(type.asListType().elementType(), item));
        return items;
      case MAP:
        List<Object> pairs = new ArrayList<>();
        Types.MapType map = type.asMapType();
        for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
          List<Object> pair = new ArrayList<>();
          pair.add(plain(map.keyType(), entry.getKey()));
          pair.add(plain(map.valueType(), entry.getValue()));
          pairs.add(pair);
        }
        return pairs;
      case FLOAT:
        return (double) (float) value;
      case DOUBLE:
        return value;
      case DECIMAL:
        return ((BigDecimal) value).toPlainString();
      case DATE:
        return String.valueOf(((LocalDate) value).toEpochDay());
      case TIME:
        return String.valueOf(((LocalTime) value).toNanoOfDay() / 1000);
      case TIMESTAMP:
        Instant instant =
            value instanceof OffsetDateTime zoned
                ? zoned.toInstant()
                : ((LocalDateTime) value).toInstant(ZoneOffset.UTC);
        // `ChronoUnit.MICROS.between` counts nanoseconds first, which overflow before 1677.
        return String.valueOf(instant.getEpochSecond() * 1_000_000 + instant.getNano() / 1000);
      case BINARY:
        ByteBuffer buffer = ((ByteBuffer) value).duplicate();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return HexFormat.of().formatHex(bytes);
      default:
        return String.valueOf(value);
    }
  }
}
