#include "lib/html/doc.h"

#include "lib/html/walk.h"
#include "tests/harness.h"

/* What makes gumbo move, copy and re-attach nodes: foster parents, the
 * adoption agency, reconstructed formatting, foreign content, templates. */
static const char knotty[] =
    "<!doctype html><html lang=x><head><title>t &amp; u</title><base href=/b>"
    "<template><a href=/no><template>x</template></template></head>"
    "<body class=a><html class=b id=c><p><b id=1><i id=2><a href=/1>x<p>y</b>z"
    "<table><a href=/2>foster<b>ed<tr><td><a href=/3><table>t</a></table>u"
    "</table><svg><a xlink:href=/4 viewbox=1><foreignObject><div><a href=/5>"
    "</svg><math><mi><a href=/6></mi></math><select><option>o<a href=/7>"
    "</select><frameset><frame src=/8><!-- c --><isindex prompt=x><image src=y>"
    "<font><nobr><nobr><p></font><button><button><form><form><li><li><dd><dt>"
    "<ruby><rp></ruby><h1><h2></p></br><textarea>\n\n<b></textarea><script>"
    "<!-- <script> </script> --></script><a href=/9 rel='nofollow x'>&notit;"
    "<plaintext></p>";

START_TEST(doc_knows_where_gumbo_counts_its_depth)
{
	struct doc *doc = doc_new(&(struct doc_limits){ 512, 1 << 20, 1000 });

	ck_assert(doc_watches_depth(doc));
	doc_free(doc);
	doc_free(NULL);
}
END_TEST

START_TEST(doc_says_why_it_stopped)
{
	struct doc *doc = doc_new(&(struct doc_limits){ 100, 1 << 20, 10000 });
	const GumboNode *root;
	char page[200000];

	for (size_t i = 0; i + 3 <= sizeof(page); i += 3)
		memcpy(page + i, "<i>", 3);
	/* 160: the first doubling from 10 that is past the limit. */
	ck_assert_int_eq(doc_parse(doc, span_of(page, 3 * 158), &root),
	    DOC_WHOLE);
	ck_assert_ptr_nonnull(root);
	ck_assert_int_eq(doc_parse(doc, span_of(page, 3 * 159), &root),
	    DOC_DEEP);
	ck_assert_ptr_nonnull(root);
	ck_assert_uint_eq(root->v.document.children.length, 1);
	for (size_t i = 0; i + 3 <= sizeof(page); i += 3)
		memcpy(page + i, "<p>", 3);
	ck_assert_int_eq(doc_parse(doc, span_of(page, sizeof(page)), &root),
	    DOC_LARGE);
	ck_assert_ptr_nonnull(root);
	doc_free(doc);

	doc = doc_new(&(struct doc_limits){ 100, 100 << 20, 0 });
	ck_assert_int_eq(doc_parse(doc, span_of(page, sizeof(page)), &root),
	    DOC_SLOW);
	ck_assert_int_eq(doc_parse(doc, SPAN_NONE, &root), DOC_WHOLE);
	doc_free(doc);
	/* As good as no limit: nothing overflows. */
	doc = doc_new(
	    &(struct doc_limits){ UINT32_MAX, UINT64_MAX, INT64_MAX });
	ck_assert_int_eq(doc_parse(doc, span_of(page, sizeof(page)), &root),
	    DOC_WHOLE);
	doc_free(doc);
}
END_TEST

/* Every node below, on the test's own stack. */
static size_t
count(const GumboNode *node)
{
	const GumboVector *children = &node->v.document.children;
	size_t n = 1;

	switch (node->type) {
	case GUMBO_NODE_DOCUMENT:
		break;
	case GUMBO_NODE_ELEMENT:
	case GUMBO_NODE_TEMPLATE:
		children = &node->v.element.children;
		ck_assert_int_le(node->v.element.tag, GUMBO_TAG_LAST);
		for (unsigned i = 0; i < node->v.element.attributes.length;
		     i++) {
			const GumboAttribute *attr =
			    node->v.element.attributes.data[i];

			n += strlen(attr->name) + strlen(attr->value);
		}
		break;
	default:
		return n + strlen(node->v.text.text);
	}
	for (unsigned i = 0; i < children->length; i++)
		n += count(children->data[i]);
	return n;
}

START_TEST(doc_stopped_anywhere_leaves_a_tree_that_can_be_walked)
{
	size_t whole = 0, last = 0, trees = 0;
	char junk[60000];

	memset(junk, 0x7A, sizeof(junk));
	for (size_t memory = 400; memory < 100000; memory += 24) {
		struct doc *doc = doc_new(
		    &(struct doc_limits){ 512, memory, 10000 });
		enum doc_end end;
		const GumboNode *root;

		/* Memory that is no zeros: wild pointers show. */
		doc_parse(doc, span_of(junk, sizeof(junk)), &root);
		end = doc_parse(doc, span_of(knotty, sizeof(knotty) - 1),
		    &root);
		if (root != NULL) {
			size_t n = count(root);

			trees++;
			/* More memory, more tree: nothing gets lost again,
			 * but what the adoption agency holds in its hand. */
			ck_assert_uint_ge(n + 60, last);
			last = n;
			if (end == DOC_WHOLE)
				whole = n;
		}
		doc_free(doc);
		if (end == DOC_WHOLE)
			break;
	}
	ck_assert_uint_gt(trees, 300);
	ck_assert_uint_gt(whole, 100);
}
END_TEST

TEST_MAIN("doc", doc_knows_where_gumbo_counts_its_depth,
    doc_says_why_it_stopped,
    doc_stopped_anywhere_leaves_a_tree_that_can_be_walked)
