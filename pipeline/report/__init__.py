"""The report in one HTML file: charts of what the warehouse knows, and a page for each of the worst calls.

queries       reads the rows (labels: what the page calls their values)
figures       the key figures, and the faults of the worst calls
drawing       the kinds of charts, and the cards that hold them (tables: the tables of cards)
charts        the cards of the first page in their order, from outcome_charts, latency_charts,
              conversation_charts and version_tables
call_charts   the charts of a call's page
call_page     what a call's page shows beside its charts
runtime       the script that draws in the browser
page          the whole page as text
picture       the first charts as an image, for places that cannot show the page
write         does all of this, and replaces the file
"""
